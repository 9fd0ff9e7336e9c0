import { Button } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { AppError } from '#core/errors/index.ts';
import type { Input } from '../../api.ts';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { PathField } from '../../components/path-field.tsx';
import { useFormat } from '../../format.ts';
import { pathsBeingWritten } from '../../jobs/paths.ts';
import { useModels } from '../../models.ts';
import { folderOf, nameOf } from '../../paths.ts';
import { apiInUse, asAppError, useCall } from '../../queries.ts';
import { useMergeTargets } from './merge-options.tsx';
import { nameFor, outputPath, type Wanted } from './output.ts';
import { baseNeeded } from './preview.tsx';
import { set, useAdapterSettings } from './store.ts';
import type { Adapters } from './use-adapters.ts';
import classes from './adapters.module.css';

type Spec = Input<'jobs.start'>['spec'];

/** Where it goes, whether there is room, and the start. The button says what is missing. */
export function AdaptersFoot({ view }: { readonly view: Adapters }) {
  const { t } = useTranslation();
  const format = useFormat();
  const settings = useAdapterSettings();
  const models = useModels();
  const { chosen: target } = useMergeTargets(view);
  const { data: host } = useCall('system.host', {});
  const { data: saved } = useCall('system.settings', {});
  const { data: jobs } = useCall('jobs.list', {});
  const [problem, setProblem] = useState<AppError | null>(null);
  const [busy, setBusy] = useState(false);
  const { mode, chosen, base, tuned } = view;

  const beside = mode === 'merge' ? base?.model.path : mode === 'extract' ? tuned?.path : chosen[0]?.adapter.path;
  const folder = settings.folder ?? (beside === undefined ? (saved?.outputFolder ?? host?.modelFolder ?? '') : folderOf(beside));
  const { data: listing } = useCall('system.listFolder', { path: folder.replace(/(.)[\\/]$/, '$1') }, { enabled: folder !== '' });
  const { data: disk } = useCall('system.disk', { path: folder }, { enabled: folder !== '' });
  const wanted: Wanted = {
    mode,
    adapters: chosen.map(({ adapterId, scale, adapter }) => ({ adapterId, scale, name: adapter.name })),
    base: base?.model,
    tuned,
    target,
    method: settings.combine.method,
    format: settings.format,
  };
  const taken = [...models.map(({ path }) => path), ...pathsBeingWritten(jobs ?? []), ...(listing?.entries ?? []).map(({ path }) => path)];
  const needBytes = mode === 'merge' ? (target?.sizeBytes ?? base?.model.sizeBytes ?? 0) : 0;
  const short = disk !== undefined && needBytes > disk.freeBytes;
  const needsBase =
    mode === 'merge' || mode === 'convert' || (mode === 'combine' && chosen.some(({ adapter }) => isOther(adapter.kind, settings.format)));
  const missing = missingOf();
  const path = missing === null ? outputPath(wanted, folder, taken) : null;

  function missingOf(): 'adapter' | 'two' | 'base' | 'fit' | 'tuned' | 'same' | 'folder' | 'space' | null {
    if (mode === 'extract') {
      if (base === undefined) return 'base';
      if (tuned === undefined) return 'tuned';
      if (tuned.id === base.model.id) return 'same';
    } else if (chosen.length === 0) return 'adapter';
    else if (mode === 'combine' && chosen.length < 2) return 'two';
    else if (needsBase && base === undefined) return 'base';
    else if (needsBase && base?.problem != null) return 'fit';
    if (folder === '') return 'folder';
    return short ? 'space' : null;
  }

  const specOf = (outputPathNow: string): Spec => {
    const adapters = chosen.map(({ adapterId, scale }) => ({ adapterId, scale }));
    const baseId = base?.model.id ?? '';
    const common = { outputPath: outputPathNow, name: nameFor(wanted) };
    switch (mode) {
      case 'merge':
        return {
          kind: 'merge',
          baseId,
          adapters,
          target: target?.target ?? null,
          ...(target === undefined ? {} : { format: target.format }),
          ...(settings.certifies ? {} : { certify: null }),
          ...common,
        };
      case 'combine':
        return {
          kind: 'combine',
          adapters,
          options: settings.combine,
          baseId: needsBase ? baseId : baseNeeded(view),
          format: settings.format,
          ...common,
        };
      case 'extract':
        return {
          kind: 'extract',
          baseId,
          tunedId: tuned?.id ?? '',
          rank: settings.rank,
          energy: settings.rank === null ? settings.energy : null,
          format: settings.format,
          ...common,
        };
      case 'convert':
        return { kind: 'convertAdapter', adapterId: chosen[0]?.adapterId ?? '', baseId, format: settings.format, ...common };
    }
  };
  const start = async (): Promise<void> => {
    if (path === null) return;
    setBusy(true);
    setProblem(null);
    try {
      await apiInUse().call('jobs.start', { spec: specOf(path) });
    } catch (error) {
      setProblem(asAppError(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <footer className={classes.foot}>
      {problem !== null && <ErrorPanel error={problem} onDismiss={() => setProblem(null)} />}
      <div className={classes.footRow}>
        <div className={classes.footFolder}>
          <PathField label={t('convert.folder')} value={folder} onChange={(next) => set({ folder: next === '' ? null : next })} />
        </div>
        <p className={`${classes.footNote} num`} data-bad={short || undefined}>
          {path !== null && <span className={classes.footName}>{nameOf(path)}</span>}
          {disk !== undefined && (
            <span>
              {needBytes === 0
                ? t('library.free', { size: format.bytes(disk.freeBytes) })
                : t('convert.space', { need: format.bytes(needBytes), free: format.bytes(disk.freeBytes) })}
            </span>
          )}
        </p>
        <Button size="md" disabled={missing !== null} loading={busy} onClick={() => void start()}>
          {missing === null ? t(`adapters.start.${mode}`) : t(`adapters.missing.${missing}`)}
        </Button>
      </div>
    </footer>
  );
}

const isOther = (kind: string, format: 'peft' | 'gguf'): boolean => kind !== `${format}-adapter`;
