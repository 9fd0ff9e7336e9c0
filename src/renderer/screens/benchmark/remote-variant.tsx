import { Button, NativeSelect } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { RemoteEngine } from '#contract/remote.ts';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { useCall } from '../../queries.ts';
import { set, useDraft } from './store.ts';
import classes from './benchmark.module.css';

/** Takes a model of a remote engine along, to be compared with before one moves there. There is none where no engine was named. */
export function RemoteVariant({ engines }: { readonly engines: readonly RemoteEngine[] }) {
  const { t } = useTranslation();
  const chosen = useDraft((state) => state.remotes);
  const [open, setOpen] = useState(false);
  const [engineId, setEngineId] = useState('');
  const [model, setModel] = useState('');
  const engine = engines.find(({ id }) => id === engineId) ?? engines[0];
  const offered = useCall('remote.models', { engineId: engine?.id ?? '' }, { enabled: open && engine !== undefined });
  if (engine === undefined) return null;
  if (!open)
    return (
      <Button
        size="compact-sm"
        variant="subtle"
        className={classes.addAdapter ?? ''}
        leftSection={<IconPlus size={14} />}
        onClick={() => setOpen(true)}
      >
        {t('benchmark.variants.remote')}
      </Button>
    );
  const models = offered.data?.models ?? [];
  const name = models.includes(model) ? model : models[0];
  const add = (): void => {
    if (name === undefined) return;
    const others = chosen.filter((each) => each.engineId !== engine.id || each.model !== name);
    set({ remotes: [...others, { engineId: engine.id, model: name }] });
    setOpen(false);
  };
  return (
    <>
      <div className={classes.adapterRow} data-pair>
        <NativeSelect
          label={t('benchmark.variants.engine')}
          value={engine.id}
          data={engines.map((each) => ({ value: each.id, label: each.name }))}
          onChange={(event) => setEngineId(event.currentTarget.value)}
        />
        <NativeSelect
          label={t('benchmark.variants.remoteModel')}
          value={name ?? ''}
          data={models}
          disabled={models.length === 0}
          onChange={(event) => setModel(event.currentTarget.value)}
        />
        <Button variant="default" disabled={name === undefined} loading={offered.isFetching} onClick={add}>
          {t('benchmark.variants.add')}
        </Button>
      </div>
      <p className={classes.note}>{t('benchmark.variants.remoteNote')}</p>
      {offered.isError && (
        <ErrorPanel
          error={offered.error}
          action={{ label: t('common.retry'), run: () => void offered.refetch(), busy: offered.isFetching }}
        />
      )}
    </>
  );
}
