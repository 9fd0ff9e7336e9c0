import { Button, NativeSelect, NumberInput } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { isAdapter } from '../../models.ts';
import { useAdapterFits } from '../chat/mixer-fits.ts';
import { set } from './store.ts';
import type { Setup } from './use-setup.ts';
import classes from './benchmark.module.css';

/** Makes a variant of a model and an adapter that fits it. There is none where no adapter fits. */
export function AdapterVariant({ setup }: { readonly setup: Setup }) {
  const { t } = useTranslation();
  const { models, runnable, draft } = setup;
  const [open, setOpen] = useState(false);
  const [adapterId, setAdapterId] = useState('');
  const [modelId, setModelId] = useState('');
  const [scale, setScale] = useState<number | string>(1);
  const adapterIds = useMemo(() => models.filter(isAdapter).map(({ id }) => id), [models]);
  const model = runnable.find(({ id }) => id === modelId) ?? runnable[0];
  const fitting = useAdapterFits(adapterIds, model?.id ?? null).flatMap(({ adapter, problem }) =>
    adapter !== undefined && problem === null ? [adapter] : [],
  );
  const adapter = fitting.find(({ id }) => id === adapterId) ?? fitting[0];
  if (model === undefined || adapter === undefined) return null;
  if (!open)
    return (
      <Button
        size="compact-sm"
        variant="subtle"
        className={classes.addAdapter ?? ''}
        leftSection={<IconPlus size={14} />}
        onClick={() => setOpen(true)}
      >
        {t('benchmark.variants.adapter')}
      </Button>
    );
  const strength = typeof scale === 'number' ? scale : 1;
  const add = (): void => {
    const variant = { modelId: model.id, adapterId: adapter.id, scale: strength };
    const others = draft.withAdapters.filter((each) => JSON.stringify(each) !== JSON.stringify(variant));
    set({ withAdapters: [...others, variant] });
    setOpen(false);
  };
  return (
    <div className={classes.adapterRow}>
      <NativeSelect
        label={t('benchmark.variants.adapterOf')}
        value={adapter.id}
        data={fitting.map(({ id, name }) => ({ value: id, label: name }))}
        onChange={(event) => setAdapterId(event.currentTarget.value)}
      />
      <NativeSelect
        label={t('benchmark.variants.model')}
        value={model.id}
        data={runnable.map(({ id, name }) => ({ value: id, label: name }))}
        onChange={(event) => setModelId(event.currentTarget.value)}
      />
      <NumberInput label={t('benchmark.variants.scale')} value={scale} min={-100} max={100} step={0.25} hideControls onChange={setScale} />
      <Button variant="default" onClick={add}>
        {t('benchmark.variants.add')}
      </Button>
    </div>
  );
}
