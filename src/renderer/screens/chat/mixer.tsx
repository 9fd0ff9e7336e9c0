import { NumberInput, Slider, Switch, Tooltip } from '@mantine/core';
import { IconAlertTriangle, IconX } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { MIXED_SCALE_LIMIT, type MixedAdapter } from '#contract/chat.ts';
import type { AppErrorData } from '#core/errors/index.ts';
import { IconButton } from '../../components/icon-button.tsx';
import { useErrorText } from '../../i18n/use-error-text.ts';
import { useAdapterFits, type FittingAdapter } from './mixer-fits.ts';
import type { Chat } from './use-chat.ts';
import classes from './mixer.module.css';

/** What the slider takes: beyond it most models say nothing of sense. More can be typed. */
const SLIDER = { min: -2, max: 2, step: 0.05 };

/** The adapters of this conversation, each to be turned on and off and made stronger or weaker for the next answer. */
export function Mixer({ chat }: { readonly chat: Chat }) {
  const { t } = useTranslation();
  const { settings, change } = chat;
  const ids = settings.adapters.map(({ adapterId }) => adapterId);
  const fits = useAdapterFits(ids, settings.modelId);
  if (settings.adapters.length === 0 || settings.remote !== null) return null;
  const put = (at: number, changes: Partial<MixedAdapter>): void =>
    change({ adapters: settings.adapters.map((each, index) => (index === at ? { ...each, ...changes } : each)) });
  return (
    <ul className={classes.mixer} aria-label={t('mixer.title')}>
      {settings.adapters.map((each, index) => (
        <Channel
          key={each.adapterId}
          mixed={each}
          fit={fits.find(({ adapterId }) => adapterId === each.adapterId)}
          onChange={(changes) => put(index, changes)}
          onRemove={() => change({ adapters: settings.adapters.toSpliced(index, 1) })}
        />
      ))}
    </ul>
  );
}

interface ChannelProps {
  readonly mixed: MixedAdapter;
  readonly fit: FittingAdapter | undefined;
  readonly onChange: (changes: Partial<MixedAdapter>) => void;
  readonly onRemove: () => void;
}

/** One adapter: a double click on its strength goes back to 1, what it was trained for. */
function Channel({ mixed: { scale, isOn }, fit, onChange, onRemove }: ChannelProps) {
  const { t } = useTranslation();
  const name = fit?.adapter?.name ?? t('mixer.gone');
  const label = t('adapters.strengthOf', { name });
  const setScale = (next: number): void => onChange({ scale: Number(next.toFixed(2)) });
  return (
    <li className={classes.channel} data-off={!isOn || undefined}>
      <Switch
        size="xs"
        aria-label={t('mixer.on', { name })}
        checked={isOn}
        onChange={(event) => onChange({ isOn: event.currentTarget.checked })}
      />
      <span className={classes.name} title={name}>
        {name}
      </span>
      {fit?.problem != null && <Problem problem={fit.problem} />}
      <div className={classes.strength} onDoubleClick={() => setScale(1)}>
        <Slider
          size={4}
          {...SLIDER}
          disabled={!isOn}
          label={null}
          thumbLabel={label}
          marks={[{ value: 0 }, { value: 1 }]}
          value={Math.max(SLIDER.min, Math.min(SLIDER.max, scale))}
          onChange={setScale}
        />
        <NumberInput
          aria-label={label}
          size="xs"
          hideControls
          disabled={!isOn}
          classNames={{ input: classes.number ?? '' }}
          value={scale}
          min={-MIXED_SCALE_LIMIT}
          max={MIXED_SCALE_LIMIT}
          step={SLIDER.step}
          decimalScale={2}
          onChange={(next) => typeof next === 'number' && Math.abs(next) <= MIXED_SCALE_LIMIT && setScale(next)}
        />
      </div>
      <IconButton size={22} label={t('mixer.remove', { name })} onClick={onRemove}>
        <IconX size={13} stroke={1.8} />
      </IconButton>
    </li>
  );
}

function Problem({ problem }: { readonly problem: AppErrorData }) {
  const { what } = useErrorText()(problem);
  return (
    <Tooltip label={what} multiline maw={320}>
      {/* A button, so that the keyboard comes to it and the tip says what is wrong. */}
      <button type="button" className={classes.problem} aria-label={what}>
        <IconAlertTriangle size={14} aria-hidden />
      </button>
    </Tooltip>
  );
}
