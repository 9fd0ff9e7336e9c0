import { NativeSelect, Switch } from '@mantine/core';
import { IconChevronRight } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { QuantizeOptions } from '#contract/quantize.ts';
import { AdvancedOptions } from './advanced-options.tsx';
import { ImatrixField } from './imatrix-field.tsx';
import { recipeGroup } from './recipe-groups.ts';
import { set, setOptions, useConvertSettings } from './store.ts';
import type { Convert } from './use-convert.ts';
import classes from './convert.module.css';

const BLOCK_SIZES = [32, 64, 128, 256, 512, 1024, 2048, 4096] as const;
const GROUP_SIZES = [32, 64, 128, -1] as const;

/** Which options matter for what is chosen; before anything is chosen, for what is looked at. */
export function useConcerns({ chosen, focused }: Convert) {
  const rows = chosen.length > 0 ? chosen : focused === undefined ? [] : [focused];
  const groups = new Set(rows.map(({ target }) => recipeGroup(target)));
  return {
    gptq: groups.has('gptq'),
    blocks: rows.some(({ target }) => /^(nf4|fp4)/.test(target)),
    ggml: groups.has('mix') || groups.has('plain'),
    floats: groups.has('float'),
    calibrates: rows.some(({ needsCalibration }) => needsCalibration),
  };
}

/** What can be set for the chosen recipes; what few need is folded away. */
export function Options({ convert, modelId }: { readonly convert: Convert; readonly modelId: string }) {
  const { t } = useTranslation();
  const { measures, gptqFormat, floatFormat, showsAdvanced } = useConvertSettings();
  const { options } = convert;
  const concerns = useConcerns(convert);
  const change = (changes: Partial<QuantizeOptions>): void => setOptions(modelId, changes);
  const formats = (['hf', 'gguf'] as const).map((value) => ({ value, label: t(`convert.options.formats.${value}`) }));

  return (
    <section className={classes.options} aria-labelledby="convert-options">
      <h2 className={classes.sectionTitle} id="convert-options">
        {t('convert.options.title')}
      </h2>
      {concerns.gptq && (
        <div className={classes.pair}>
          <NativeSelect
            label={t('convert.options.groupSize')}
            description={t('convert.options.groupSizeNote')}
            value={String(options.groupSize)}
            data={GROUP_SIZES.map((size) => ({
              value: String(size),
              label: size === -1 ? t('convert.options.wholeRow') : t('convert.options.weights', { count: size }),
            }))}
            onChange={(event) => change({ groupSize: Number(event.currentTarget.value) as QuantizeOptions['groupSize'] })}
          />
          <NativeSelect
            label={t('convert.options.gptqFormat')}
            description={t('convert.options.gptqFormatNote')}
            value={gptqFormat}
            data={formats}
            onChange={(event) => set({ gptqFormat: event.currentTarget.value as 'hf' | 'gguf' })}
          />
        </div>
      )}
      {concerns.blocks && (
        <NativeSelect
          label={t('convert.options.blockSize')}
          description={t('convert.options.blockSizeNote')}
          value={String(options.blockSize)}
          data={BLOCK_SIZES.map((size) => ({ value: String(size), label: t('convert.options.weights', { count: size }) }))}
          onChange={(event) => change({ blockSize: Number(event.currentTarget.value) as QuantizeOptions['blockSize'] })}
        />
      )}
      {concerns.floats && (
        <NativeSelect
          label={t('convert.options.floatFormat')}
          value={floatFormat}
          data={formats.toReversed()}
          onChange={(event) => set({ floatFormat: event.currentTarget.value as 'hf' | 'gguf' })}
        />
      )}
      {concerns.ggml && <ImatrixField modelId={modelId} convert={convert} />}
      <Switch
        label={t('convert.options.measure')}
        description={t('convert.options.measureNote')}
        checked={measures}
        onChange={(event) => set({ measures: event.currentTarget.checked })}
      />
      <button type="button" className={classes.fold} aria-expanded={showsAdvanced} onClick={() => set({ showsAdvanced: !showsAdvanced })}>
        <IconChevronRight size={14} aria-hidden />
        {t('convert.options.advanced')}
      </button>
      {showsAdvanced && <AdvancedOptions options={options} modelId={modelId} concerns={concerns} />}
    </section>
  );
}
