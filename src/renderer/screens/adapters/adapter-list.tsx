import { Button, Checkbox, NumberInput, Slider } from '@mantine/core';
import { IconAlertTriangle, IconPlus } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { Model } from '#contract/library.ts';
import { useFormat } from '../../format.ts';
import { useErrorText } from '../../i18n/use-error-text.ts';
import { openDialog } from '../../layers.ts';
import { MOST_SCALE } from './search.ts';
import type { Adapters, ChosenAdapter } from './use-adapters.ts';
import classes from './adapters.module.css';

/** What the slider takes: beyond it most models say nothing of sense. */
const SLIDER = { min: -2, max: 2, step: 0.05 };

/** The adapters of the library, each to be taken, and when it is, to be made stronger or weaker. */
export function AdapterList({ view }: { readonly view: Adapters }) {
  const { t } = useTranslation();
  return (
    <section aria-labelledby="adapters-list">
      <div className={classes.sectionHead}>
        <h2 className={classes.sectionTitle} id="adapters-list">
          {t('adapters.list')}
        </h2>
        <Button variant="subtle" color="gray" size="xs" leftSection={<IconPlus size={14} />} onClick={() => openDialog({ kind: 'add' })}>
          {t('adapters.import')}
        </Button>
      </div>
      <ul className={classes.list}>
        {view.adapters.map((adapter) => (
          <AdapterRow key={adapter.id} adapter={adapter} use={view.chosen.find(({ adapterId }) => adapterId === adapter.id)} view={view} />
        ))}
      </ul>
    </section>
  );
}

interface RowProps {
  readonly adapter: Model;
  readonly use: ChosenAdapter | undefined;
  readonly view: Adapters;
}

function AdapterRow({ adapter, use, view }: RowProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const errorText = useErrorText();
  const { facts, state } = adapter;
  const modules = facts.adapter?.targetModules ?? [];
  // PEFT takes whole names as well as their last part.
  const targets = [...new Set(modules.map((name) => name.split('.').at(-1) ?? name))];
  const about = [
    adapter.kind === 'gguf-adapter' ? 'GGUF' : 'PEFT',
    facts.adapter?.rank === undefined ? undefined : t('adapters.rank', { rank: facts.adapter.rank }),
    facts.adapter?.alpha === undefined ? undefined : `α ${format.figure(facts.adapter.alpha)}`,
    targets.length === 0 ? undefined : targets.length > 4 ? t('adapters.modules', { count: targets.length }) : targets.join(', '),
    format.bytes(adapter.sizeBytes),
  ]
    .filter((part) => part !== undefined)
    // A number stays with its unit.
    .map((part) => part.replaceAll(' ', '\u00a0'));
  return (
    <li className={classes.adapter} data-chosen={use !== undefined || undefined}>
      <Checkbox
        className={classes.adapterName ?? ''}
        checked={use !== undefined}
        disabled={state.status !== 'ready'}
        label={adapter.name}
        onChange={() => view.toggle(adapter.id)}
      />
      <p className={`${classes.about} num`}>
        {about.join(' · ')}
        {facts.adapter?.baseModel !== undefined && (
          <span className={classes.trainedOn}>{t('adapters.trainedOn', { base: facts.adapter.baseModel })}</span>
        )}
      </p>
      {state.status !== 'ready' && (
        <p className={classes.broken}>
          <IconAlertTriangle size={13} aria-hidden />
          {errorText(state.error).what}
        </p>
      )}
      {use !== undefined && view.mode !== 'convert' && view.mode !== 'extract' && (
        <Strength name={adapter.name} value={use.scale} onChange={(scale) => view.setScale(adapter.id, scale)} />
      )}
    </li>
  );
}

interface StrengthProps {
  readonly name: string;
  readonly value: number;
  readonly onChange: (value: number) => void;
}

/** How strongly an adapter acts: 1 is what was trained; a double click goes back to it. */
function Strength({ name, value, onChange }: StrengthProps) {
  const { t } = useTranslation();
  const label = t('adapters.strengthOf', { name });
  const change = (next: number): void => onChange(Number(next.toFixed(2)));
  return (
    <div className={classes.strength} onDoubleClick={() => onChange(1)}>
      <Slider
        size={4}
        {...SLIDER}
        label={null}
        thumbLabel={label}
        marks={[{ value: 0 }, { value: 1 }]}
        value={Math.max(SLIDER.min, Math.min(SLIDER.max, value))}
        onChange={change}
      />
      <NumberInput
        aria-label={label}
        hideControls
        classNames={{ input: classes.strengthNumber ?? '' }}
        value={value}
        min={-MOST_SCALE}
        max={MOST_SCALE}
        step={SLIDER.step}
        decimalScale={2}
        onChange={(next) => typeof next === 'number' && Math.abs(next) <= MOST_SCALE && change(next)}
      />
    </div>
  );
}
