import { Button } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { AppError } from '#core/errors/index.ts';
import type { Input } from '../../api.ts';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { PathField } from '../../components/path-field.tsx';
import { useFormat } from '../../format.ts';
import { pathsBeingWritten } from '../../jobs/paths.ts';
import { useModels } from '../../models.ts';
import { nameOf } from '../../paths.ts';
import { apiInUse, asAppError, useCall } from '../../queries.ts';
import { targetName } from '../../targets.ts';
import { outputPaths } from './output-names.ts';
import { set, useConvertSettings } from './store.ts';
import type { Convert } from './use-convert.ts';
import classes from './convert.module.css';

type Spec = Input<'jobs.start'>['spec'];

/** Where it all goes, whether there is room, and the start. The button says what is missing. */
export function ConvertFoot({ convert, modelId }: { readonly convert: Convert; readonly modelId: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const settings = useConvertSettings();
  const models = useModels();
  const { data: host } = useCall('system.host', {});
  const { data: saved } = useCall('system.settings', {});
  const { data: jobs } = useCall('jobs.list', {});
  const [problem, setProblem] = useState<AppError | null>(null);
  const [busy, setBusy] = useState(false);
  const { chosen, source, options } = convert;

  const folder = settings.folder ?? saved?.outputFolder ?? host?.modelFolder ?? '';
  const { data: listing } = useCall('system.listFolder', { path: folder.replace(/(.)[\\/]$/, '$1') }, { enabled: folder !== '' });
  const { data: disk } = useCall('system.disk', { path: folder }, { enabled: folder !== '' });
  const needBytes = chosen.reduce((sum, { sizeBytes }) => sum + (sizeBytes ?? 0), 0);
  const taken = [...models.map(({ path }) => path), ...pathsBeingWritten(jobs ?? []), ...(listing?.entries ?? []).map(({ path }) => path)];
  const paths = outputPaths(source?.name ?? '', chosen, folder, taken);
  const missing =
    chosen.length === 0
      ? t('convert.missing.recipe')
      : folder === ''
        ? t('convert.missing.folder')
        : chosen.some((row) => row.needsImatrix)
          ? t('convert.missing.imatrix')
          : disk !== undefined && needBytes > disk.freeBytes
            ? t('convert.missing.space')
            : null;

  const start = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    const started = new Set<string>();
    const quality = settings.measures ? { textPath: settings.qualityTextPath, windows: settings.wholeText ? null : 32 } : null;
    try {
      for (const [index, output] of chosen.entries()) {
        const spec: Spec = {
          kind: 'quantize',
          modelId,
          target: output.target,
          format: output.format,
          outputPath: paths[index] ?? '',
          name: `${source?.name ?? ''} ${targetName(output.target)}`,
          options,
          quality,
        };
        await apiInUse().call('jobs.start', { spec });
        started.add(output.target);
      }
    } catch (error) {
      setProblem(asAppError(error));
    } finally {
      setBusy(false);
      // What is started is no longer to be chosen; after a failure the rest still is.
      convert.choose(chosen.flatMap(({ target }) => (started.has(target) ? [] : target)));
    }
  };

  return (
    <footer className={classes.foot}>
      {problem !== null && <ErrorPanel error={problem} onDismiss={() => setProblem(null)} />}
      <div className={classes.footRow}>
        <div className={classes.footFolder}>
          <PathField label={t('convert.folder')} value={folder} onChange={(path) => set({ folder: path === '' ? null : path })} />
        </div>
        <p className={`${classes.footNote} num`} data-bad={(disk !== undefined && needBytes > disk.freeBytes) || undefined}>
          {chosen.length > 0 && <span className={classes.footNames}>{paths.map(nameOf).join(', ')}</span>}
          {disk !== undefined && (
            <span>
              {chosen.length === 0
                ? t('library.free', { size: format.bytes(disk.freeBytes) })
                : t('convert.space', { need: format.bytes(needBytes), free: format.bytes(disk.freeBytes) })}
            </span>
          )}
        </p>
        <Button size="md" disabled={missing !== null} loading={busy} onClick={() => void start()}>
          {missing ??
            (chosen.length === 1
              ? t('convert.startOne', { target: targetName(chosen[0]?.target ?? '') })
              : t('convert.startMany', { count: chosen.length }))}
        </Button>
      </div>
    </footer>
  );
}
