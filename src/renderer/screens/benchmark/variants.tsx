import { Button, Checkbox } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { Model } from '#contract/library.ts';
import { FitMark } from '../../components/fit-mark.tsx';
import { IconButton } from '../../components/icon-button.tsx';
import { needBytes } from '../../fit.ts';
import { useFormat } from '../../format.ts';
import { isFloat } from '../../models.ts';
import { AdapterVariant } from './adapter-variant.tsx';
import { set } from './store.ts';
import type { Setup } from './use-setup.ts';
import classes from './benchmark.module.css';

/** The variants of a base that can be run, to be ticked, and the same with adapters beside their weights. */
export function Variants({ setup, base }: { readonly setup: Setup; readonly base: Model }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { runnable, chosen, withAdapters, models } = setup;
  const ids = chosen.map(({ id }) => id);
  const nameOf = (modelId: string): string => models.find(({ id }) => id === modelId)?.name ?? '';
  return (
    <div>
      <div className={classes.variantsHead}>
        <p className={classes.note}>{t('benchmark.variants.note')}</p>
        <Button
          size="compact-sm"
          variant="subtle"
          onClick={() => setup.choose(ids.length === runnable.length ? [] : runnable.map(({ id }) => id))}
        >
          {t(ids.length === runnable.length ? 'benchmark.variants.none' : 'benchmark.variants.all')}
        </Button>
      </div>
      <ul className={classes.variants} aria-label={t('benchmark.variants.label', { name: base.name })}>
        {runnable.map((model) => (
          <li key={model.id}>
            <Checkbox
              className={classes.variantCheck ?? ''}
              checked={ids.includes(model.id)}
              onChange={(event) => setup.choose(event.currentTarget.checked ? [...ids, model.id] : ids.filter((one) => one !== model.id))}
              label={model.name}
            />
            <span className={classes.variantNote}>{isFloat(model) ? t('benchmark.variants.original') : ''}</span>
            <span className="num">{model.facts.quantization}</span>
            <span className="num">{format.bytes(model.sizeBytes)}</span>
            <FitMark bytes={needBytes(model.facts, model.sizeBytes)} />
          </li>
        ))}
        {withAdapters.map((variant) => {
          const { modelId, adapterId, scale } = variant;
          const name = `${nameOf(modelId)} + ${nameOf(adapterId)} × ${format.figure(scale)}`;
          return (
            <li key={`${modelId} ${adapterId} ${scale}`} data-adapter>
              <span className={classes.variantName}>{name}</span>
              <IconButton
                size={26}
                label={t('benchmark.variants.remove', { name })}
                onClick={() => set({ withAdapters: setup.draft.withAdapters.filter((each) => each !== variant) })}
              >
                <IconX size={14} />
              </IconButton>
            </li>
          );
        })}
      </ul>
      <AdapterVariant setup={setup} />
    </div>
  );
}
