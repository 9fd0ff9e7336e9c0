import { Button } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { PathField } from '../../components/path-field.tsx';
import { Progress } from '../../components/progress.tsx';
import { hasEnded } from '../../live.ts';
import { nameOf } from '../../paths.ts';
import { useAction, useCall } from '../../queries.ts';
import { outputPaths } from './output-names.ts';
import { setOptions, useConvertSettings } from './store.ts';
import type { Convert } from './use-convert.ts';
import classes from './convert.module.css';

/** Which weights matter most: a file, or computed here from a text. */
export function ImatrixField({ modelId, convert }: { readonly modelId: string; readonly convert: Convert }) {
  const { t } = useTranslation();
  const { folder, options } = useConvertSettings();
  const { data: host } = useCall('system.host', {});
  const { data: saved } = useCall('system.settings', {});
  const { data: jobs = [] } = useCall('jobs.list', {});
  const start = useAction('jobs.start');
  const [open, setOpen] = useState(false);
  const { imatrixPath } = convert.options;
  const own = jobs.flatMap((job) => (job.spec.kind === 'calibrate' && job.spec.modelId === modelId ? [{ ...job, spec: job.spec }] : []));
  const running = own.find((job) => !hasEnded(job));
  const made = own.find((job) => job.result?.kind === 'calibrate' && job.result.path !== imatrixPath)?.result;
  const needed = convert.chosen.some((row) => row.needsImatrix);
  const use = (path: string | null): void => setOptions(modelId, { imatrixPath: path });

  const compute = (): void => {
    const place = folder ?? saved?.outputFolder ?? host?.modelFolder ?? '';
    const taken = own.map(({ spec }) => spec.outputPath);
    const [outputPath = ''] = outputPaths(convert.source?.name ?? '', [{ target: 'imatrix', format: 'gguf' }], place, taken);
    start.mutate({ spec: { kind: 'calibrate', modelId, outputPath, textPath: options.calibrationPath } });
  };

  return (
    <div className={classes.imatrix} data-needed={needed || undefined}>
      <div className={classes.imatrixHead}>
        <h3>{t('convert.imatrix.title')}</h3>
        <span>{imatrixPath === null ? t(needed ? 'convert.imatrix.needed' : 'convert.imatrix.none') : nameOf(imatrixPath)}</span>
      </div>
      <p className={classes.note}>{t('convert.imatrix.note')}</p>
      {running === undefined ? (
        <div className={classes.buttons}>
          {made?.kind === 'calibrate' && (
            <Button variant="light" onClick={() => use(made.path)}>
              {t('convert.imatrix.use', { name: nameOf(made.path) })}
            </Button>
          )}
          <Button variant="default" loading={start.isPending} onClick={compute}>
            {t('convert.imatrix.compute')}
          </Button>
          {imatrixPath === null ? (
            <Button variant="default" aria-expanded={open} onClick={() => setOpen(!open)}>
              {t('convert.imatrix.file')}
            </Button>
          ) : (
            <Button variant="default" onClick={() => use(null)}>
              {t('convert.imatrix.without')}
            </Button>
          )}
        </div>
      ) : (
        <>
          <Progress label={t('convert.imatrix.computing')} fraction={running.fraction} />
          <p className={classes.note}>{t('convert.imatrix.computing')}</p>
        </>
      )}
      {start.error !== null && <ErrorPanel error={start.error} onDismiss={start.reset} />}
      {(open || imatrixPath !== null) && (
        <PathField
          label={t('convert.imatrix.file')}
          labelHidden
          value={imatrixPath ?? ''}
          onChange={(path) => use(path === '' ? null : path)}
        />
      )}
    </div>
  );
}
