import { NativeSelect, NumberInput, SegmentedControl } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { CombineOptions as Options } from '#contract/adapters.ts';
import { set, setCombine, useAdapterSettings } from './store.ts';
import classes from './adapters.module.css';

const METHODS = [
  ['exact', ['cat', 'svd']],
  ['sum', ['linear']],
  [
    'sparse',
    ['ties', 'ties_svd', 'dare_linear', 'dare_linear_svd', 'dare_ties', 'dare_ties_svd', 'magnitude_prune', 'magnitude_prune_svd'],
  ],
] as const satisfies readonly (readonly [string, readonly Options['method'][]])[];

/** How adapters become one. */
export function CombineOptions() {
  const { t } = useTranslation();
  const { combine } = useAdapterSettings();
  const { method } = combine;
  const isSparse = /^(ties|dare|magnitude)/.test(method);
  return (
    <section className={classes.options} aria-label={t('adapters.combine.options')}>
      <NativeSelect
        label={t('adapters.combine.method')}
        description={t(`adapters.combine.methods.${method}`)}
        inputWrapperOrder={['label', 'input', 'description']}
        value={method}
        data={METHODS.map(([group, methods]) => ({
          group: t(`adapters.combine.groups.${group}`),
          items: methods.map((value) => ({ value, label: value })),
        }))}
        onChange={(event) => setCombine({ method: event.currentTarget.value as Options['method'] })}
      />
      <div className={classes.pair}>
        {method.endsWith('svd') && (
          <NumberInput
            label={t('adapters.combine.rank')}
            description={t('adapters.combine.rankNote')}
            placeholder={t('adapters.combine.largest')}
            min={1}
            max={2048}
            allowDecimal={false}
            value={combine.rank ?? ''}
            onChange={(rank) => setCombine({ rank: typeof rank === 'number' && rank >= 1 ? rank : null })}
          />
        )}
        {isSparse && (
          <NumberInput
            label={t('adapters.combine.density')}
            description={t('adapters.combine.densityNote')}
            min={0.01}
            max={1}
            step={0.05}
            decimalScale={2}
            value={combine.density}
            onChange={(density) => typeof density === 'number' && density > 0 && density <= 1 && setCombine({ density })}
          />
        )}
        {/ties/.test(method) && (
          <NativeSelect
            label={t('adapters.combine.sign')}
            description={t('adapters.combine.signNote')}
            value={combine.majoritySign}
            data={(['total', 'frequency'] as const).map((value) => ({ value, label: t(`adapters.combine.signs.${value}`) }))}
            onChange={(event) => setCombine({ majoritySign: event.currentTarget.value as Options['majoritySign'] })}
          />
        )}
        {method.startsWith('dare') && (
          <NumberInput
            label={t('adapters.combine.seed')}
            description={t('adapters.combine.seedNote')}
            min={0}
            max={0xffff_ffff}
            allowDecimal={false}
            value={combine.seed}
            onChange={(seed) => typeof seed === 'number' && seed >= 0 && setCombine({ seed })}
          />
        )}
      </div>
      <FormatChoice />
    </section>
  );
}

/** What an adapter is written as. */
export function FormatChoice() {
  const { t } = useTranslation();
  const { format } = useAdapterSettings();
  return (
    <div>
      <SegmentedControl
        fullWidth
        aria-label={t('adapters.format.label')}
        value={format}
        data={(['peft', 'gguf'] as const).map((value) => ({ value, label: t(`adapters.format.${value}`) }))}
        onChange={(value) => set({ format: value })}
      />
      <p className={classes.note}>{t(`adapters.format.${format}Note`)}</p>
    </div>
  );
}
