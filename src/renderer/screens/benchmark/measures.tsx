import { NativeSelect, NumberInput, Switch, Textarea } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { PathField } from '../../components/path-field.tsx';
import { set } from './store.ts';
import type { Setup } from './use-setup.ts';
import classes from './benchmark.module.css';

const numberOf = (value: number | string, least: number): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value >= least ? value : undefined;

/** What is measured of each variant. */
export function MeasureFields({ setup }: { readonly setup: Setup }) {
  const { t } = useTranslation();
  const { draft, relatives, reference } = setup;
  return (
    <div className={classes.measures}>
      <Measure name="speed" on={draft.speed} onChange={(speed) => set({ speed })} />
      <Measure name="quality" on={draft.quality} onChange={(quality) => set({ quality })}>
        <NativeSelect
          label={t('benchmark.reference')}
          value={reference?.id ?? ''}
          data={[...relatives.map(({ id, name }) => ({ value: id, label: name })), { value: '', label: t('benchmark.noReference') }]}
          onChange={(event) => set({ referenceId: event.currentTarget.value === '' ? null : event.currentTarget.value })}
        />
        <PathField
          label={t('benchmark.text')}
          description={t('benchmark.textNote')}
          value={draft.textPath}
          onChange={(textPath) => set({ textPath })}
        />
        <div className={classes.pair}>
          <NumberInput
            label={t('benchmark.windows')}
            description={t('benchmark.windowsNote')}
            value={draft.windows}
            min={1}
            hideControls
            onChange={(value) => set({ windows: value === '' ? '' : (numberOf(value, 1) ?? draft.windows) })}
          />
          <NumberInput
            label={t('benchmark.window')}
            value={draft.contextLength}
            min={8}
            hideControls
            onChange={(value) => set({ contextLength: numberOf(value, 8) ?? draft.contextLength })}
          />
        </div>
      </Measure>
      <Measure name="questions" on={draft.questions} onChange={(questions) => set({ questions })}>
        <PathField label={t('benchmark.questionsFile')} value={draft.questionsPath} onChange={(questionsPath) => set({ questionsPath })} />
      </Measure>
      <Measure name="prompts" on={draft.prompts} onChange={(prompts) => set({ prompts })}>
        <Textarea
          label={t('benchmark.prompts')}
          autosize
          minRows={3}
          maxRows={10}
          value={draft.promptText}
          onChange={(event) => set({ promptText: event.currentTarget.value })}
        />
        <NumberInput
          className={classes.short ?? ''}
          label={t('benchmark.maxTokens')}
          value={draft.maxTokens}
          min={1}
          max={16_384}
          hideControls
          onChange={(value) => set({ maxTokens: Math.min(16_384, numberOf(value, 1) ?? draft.maxTokens) })}
        />
      </Measure>
    </div>
  );
}

interface MeasureProps {
  readonly name: 'speed' | 'quality' | 'questions' | 'prompts';
  readonly on: boolean;
  readonly onChange: (on: boolean) => void;
  /** What else it needs to know. */
  readonly children?: ReactNode;
}

function Measure({ name, on, onChange, children }: MeasureProps) {
  const { t } = useTranslation();
  return (
    <div className={classes.measure}>
      <Switch
        label={t(`benchmark.measures.${name}`)}
        description={t(`benchmark.measures.${name}Note`)}
        checked={on}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      {on && children !== undefined && <div className={classes.measureFields}>{children}</div>}
    </div>
  );
}
