import { NumberInput, SegmentedControl } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { FormatChoice } from './combine-options.tsx';
import { set, useAdapterSettings } from './store.ts';
import classes from './adapters.module.css';

const USUAL_RANK = 32;

/** How much of the difference between two models an adapter is to hold. */
export function ExtractOptions() {
  const { t } = useTranslation();
  const { rank, energy } = useAdapterSettings();
  return (
    <section className={classes.options} aria-label={t('adapters.extract.options')}>
      <SegmentedControl
        fullWidth
        aria-label={t('adapters.extract.by')}
        value={rank === null ? 'energy' : 'rank'}
        data={(['energy', 'rank'] as const).map((value) => ({ value, label: t(`adapters.extract.${value}`) }))}
        onChange={(value) => set({ rank: value === 'rank' ? USUAL_RANK : null })}
      />
      {rank === null ? (
        <NumberInput
          label={t('adapters.extract.energy')}
          description={t('adapters.extract.energyNote')}
          inputWrapperOrder={['label', 'input', 'description']}
          min={1}
          max={100}
          suffix=" %"
          value={Math.round(energy * 1000) / 10}
          onChange={(value) => typeof value === 'number' && value >= 1 && value <= 100 && set({ energy: value / 100 })}
        />
      ) : (
        <NumberInput
          label={t('adapters.extract.rank')}
          description={t('adapters.extract.rankNote')}
          inputWrapperOrder={['label', 'input', 'description']}
          min={1}
          max={4096}
          allowDecimal={false}
          value={rank}
          onChange={(value) => typeof value === 'number' && value >= 1 && set({ rank: value })}
        />
      )}
      <FormatChoice />
    </section>
  );
}
