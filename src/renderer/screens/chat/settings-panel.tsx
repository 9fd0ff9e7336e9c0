import { Button, NumberInput, SegmentedControl, Slider, Switch, Textarea } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { useId } from 'react';
import { useTranslation } from 'react-i18next';
import type { Sampling } from '#contract/chat.ts';
import { IconButton } from '../../components/icon-button.tsx';
import { prefer } from '../../preferences.ts';
import { DEFAULT_SAMPLING } from './thread-settings.ts';
import type { Chat } from './use-chat.ts';
import classes from './chat.module.css';

/** The useful part of each range; the fields take all that the engine takes. */
const SLIDERS = [
  { key: 'temperature', min: 0, max: 2, step: 0.05, decimals: 2 },
  { key: 'topK', min: 0, max: 200, step: 1, decimals: 0 },
  { key: 'topP', min: 0, max: 1, step: 0.01, decimals: 2 },
  { key: 'minP', min: 0, max: 1, step: 0.01, decimals: 2 },
  { key: 'repeatPenalty', min: 0.8, max: 2, step: 0.01, decimals: 2 },
] as const;

const LIMITS: Readonly<Record<(typeof SLIDERS)[number]['key'], readonly [number, number]>> = {
  temperature: [0, 5],
  topK: [0, 1_000_000],
  topP: [0, 1],
  minP: [0, 1],
  repeatPenalty: [0.1, 5],
};

/** How this conversation is held: what the model is told first, and how the next token is chosen. */
export function SettingsPanel({ chat }: { readonly chat: Chat }) {
  const { t } = useTranslation();
  const { settings, change } = chat;
  const { sampling } = settings;
  const set = (changes: Partial<Sampling>): void => change({ sampling: { ...sampling, ...changes } });
  const changed = (Object.keys(DEFAULT_SAMPLING) as (keyof Sampling)[]).some((key) => sampling[key] !== DEFAULT_SAMPLING[key]);

  return (
    <aside className={classes.panel} aria-label={t('chat.panel.title')}>
      <div className={classes.panelHead}>
        <h2 className={classes.panelTitle}>{t('chat.panel.title')}</h2>
        <IconButton label={t('common.close')} onClick={() => prefer({ chatPanelOpen: false })}>
          <IconX size={16} stroke={1.7} />
        </IconButton>
      </div>
      <div className={classes.panelBody}>
        <div>
          <SegmentedControl
            fullWidth
            aria-label={t('chat.mode.label')}
            value={settings.mode}
            data={(['chat', 'text'] as const).map((value) => ({ value, label: t(`chat.mode.${value}`) }))}
            onChange={(mode) => change({ mode: mode })}
          />
          <p className={classes.panelNote}>{t(`chat.mode.${settings.mode}Note`)}</p>
        </div>
        {(settings.mode === 'chat' || settings.systemPrompt !== '') && (
          <Textarea
            label={t(`chat.systemPrompt.${settings.mode}.label`)}
            description={t(`chat.systemPrompt.${settings.mode}.note`)}
            placeholder={t('chat.systemPrompt.placeholder')}
            autosize
            minRows={3}
            maxRows={10}
            value={settings.systemPrompt}
            onChange={(event) => change({ systemPrompt: event.currentTarget.value })}
          />
        )}
        <div className={classes.samplingHead}>
          <h3>{t('chat.sampling.title')}</h3>
          {changed && (
            <Button variant="subtle" color="gray" size="xs" onClick={() => change({ sampling: DEFAULT_SAMPLING })}>
              {t('chat.sampling.reset')}
            </Button>
          )}
        </div>
        {SLIDERS.map(({ key, ...range }) => (
          <SliderRow
            key={key}
            name={key}
            value={sampling[key]}
            limits={LIMITS[key]}
            {...range}
            onChange={(value) => set({ [key]: value })}
          />
        ))}
        <NumberInput
          label={t('chat.sampling.maxTokens.label')}
          description={t('chat.sampling.maxTokens.note')}
          inputWrapperOrder={['label', 'input', 'description']}
          min={1}
          max={1_000_000}
          step={64}
          allowDecimal={false}
          value={sampling.maxTokens}
          onChange={(maxTokens) => typeof maxTokens === 'number' && maxTokens >= 1 && set({ maxTokens })}
        />
        <div className={classes.seed}>
          <Switch
            label={t('chat.sampling.seed.random')}
            checked={sampling.seed === null}
            onChange={(event) => set({ seed: event.currentTarget.checked ? null : 42 })}
          />
          {sampling.seed !== null && (
            <NumberInput
              aria-label={t('chat.sampling.seed.label')}
              min={0}
              max={0xffff_ffff}
              allowDecimal={false}
              value={sampling.seed}
              onChange={(seed) => typeof seed === 'number' && seed >= 0 && set({ seed })}
            />
          )}
          <p className={classes.panelNote}>{t('chat.sampling.seed.note')}</p>
        </div>
      </div>
    </aside>
  );
}

interface SliderProps {
  readonly name: (typeof SLIDERS)[number]['key'];
  readonly value: number;
  readonly limits: readonly [number, number];
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly decimals: number;
  readonly onChange: (value: number) => void;
}

function SliderRow({ name, value, limits, min, max, step, decimals, onChange }: SliderProps) {
  const { t } = useTranslation();
  const id = useId();
  const label = t(`chat.sampling.${name}.label`);
  return (
    <div className={classes.sliderRow}>
      <div className={classes.sliderHead}>
        <label htmlFor={id}>{label}</label>
        <NumberInput
          id={id}
          hideControls
          variant="unstyled"
          classNames={{ input: classes.sliderNumber ?? '' }}
          value={value}
          min={limits[0]}
          max={limits[1]}
          step={step}
          decimalScale={decimals}
          onChange={(next) => typeof next === 'number' && next >= limits[0] && next <= limits[1] && onChange(next)}
        />
      </div>
      <Slider
        size={4}
        label={null}
        thumbLabel={label}
        min={min}
        max={max}
        step={step}
        value={Math.min(max, Math.max(min, value))}
        onChange={(next) => onChange(Number(next.toFixed(decimals)))}
      />
      <p className={classes.panelNote}>{t(`chat.sampling.${name}.note`)}</p>
    </div>
  );
}
