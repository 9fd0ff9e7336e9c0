import { NativeSelect, Switch } from '@mantine/core';
import { IconInfoCircle } from '@tabler/icons-react';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { quantizeOptions, type Recipe } from '#contract/quantize.ts';
import { useFormat } from '../../format.ts';
import { isFloat } from '../../models.ts';
import { useCall } from '../../queries.ts';
import { targetName } from '../../targets.ts';
import { set, useAdapterSettings } from './store.ts';
import type { Adapters } from './use-adapters.ts';
import classes from './adapters.module.css';

const OPTIONS = quantizeOptions.parse({});

/** What a merge can become, of this base: what can be written without more choices. */
export function useMergeTargets(view: Adapters): { readonly targets: readonly Recipe[]; readonly chosen: Recipe | undefined } {
  const { target } = useAdapterSettings();
  const { base } = view;
  const recipes = useCall(
    'quantize.recipes',
    { modelId: base?.model.id ?? '', options: OPTIONS },
    { enabled: base !== undefined && view.mode === 'merge', keepPrevious: true },
  );
  const targets = useMemo(() => {
    const possible = (recipes.data ?? []).filter((recipe) => recipe.problem === null && !recipe.needsImatrix);
    // Of targets with several formats, the first is their own.
    return [...new Map(possible.toReversed().map((recipe) => [recipe.target, recipe])).values()].toReversed();
  }, [recipes.data]);
  return { targets, chosen: targets.find((recipe) => recipe.target === target) };
}

/** What the merge is written as, and whether it is proved. */
export function MergeOptions({ view }: { readonly view: Adapters }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { certifies } = useAdapterSettings();
  const { targets, chosen } = useMergeTargets(view);
  const { base } = view;
  if (base === undefined) return null;
  const label = (recipe: Recipe): string =>
    [targetName(recipe.target), recipe.sizeBytes === null ? null : format.bytes(recipe.sizeBytes)]
      .filter((part) => part !== null)
      .join(' · ');
  const groups = (['gguf', 'hf'] as const).map((kind) => ({
    group: t(`convert.common.${kind}`),
    items: targets.filter((recipe) => recipe.format === kind).map((recipe) => ({ value: recipe.target, label: label(recipe) })),
  }));
  const isRounded = chosen === undefined ? !isFloat(base.model) : !/^(F32|F16|BF16)$/.test(chosen.target);
  return (
    <section className={classes.options} aria-label={t('adapters.merge.options')}>
      <NativeSelect
        label={t('adapters.merge.target')}
        value={chosen?.target ?? ''}
        data={[
          { value: '', label: t('adapters.merge.same', { size: format.bytes(base.model.sizeBytes) }) },
          ...groups.filter(({ items }) => items.length > 0),
        ]}
        onChange={(event) => set({ target: event.currentTarget.value === '' ? null : event.currentTarget.value })}
      />
      <p className={classes.plain}>
        <IconInfoCircle size={15} stroke={1.8} aria-hidden />
        {t(isRounded ? (isFloat(base.model) ? 'adapters.merge.rounded' : 'adapters.merge.requantized') : 'adapters.merge.floats')}
      </p>
      <Switch
        label={t('adapters.merge.certify')}
        description={t('adapters.merge.certifyNote')}
        checked={certifies}
        onChange={(event) => set({ certifies: event.currentTarget.checked })}
      />
    </section>
  );
}
