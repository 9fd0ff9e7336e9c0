import { Button, Menu } from '@mantine/core';
import { IconDots, IconPlayerPause, IconPlayerPlay, IconPlayerStop } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { TrainingRun } from '#contract/training.ts';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { IconButton } from '../../components/icon-button.tsx';
import { Progress } from '../../components/progress.tsx';
import { useFormat } from '../../format.ts';
import { Warnings } from '../../jobs/warnings.tsx';
import { useModels } from '../../models.ts';
import { goTo } from '../../navigation.ts';
import { keyOf, queryClient, useAction, useCall } from '../../queries.ts';
import { errorToast } from '../../toasts.tsx';
import { pointsOf, smoothed } from './chart.ts';
import { Legend, LossChart, type Series } from './loss-chart.tsx';
import { RunFigures } from './run-figures.tsx';
import { RunSamples } from './run-samples.tsx';
import { useRun } from './use-run.ts';
import classes from './training.module.css';

/** A run while it learns and afterwards: curve, figures, samples, and what can be done with what came of it. */
export function RunView({ runId, onGone }: { readonly runId: string; readonly onGone: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { asked, watched } = useRun(runId);
  if (asked.isError)
    return (
      <div className={classes.notice}>
        <ErrorPanel error={asked.error} action={{ label: t('training.runs.new'), run: onGone }} />
      </div>
    );
  if (watched === undefined) return <div className={classes.work} />;
  const { run, log, samples } = watched;
  const losses = pointsOf(log, 'loss');
  const series: readonly Series[] = [
    { name: 'trace', points: losses, look: 'trace', colour: 0 },
    { name: t('training.figures.loss'), points: smoothed(losses), look: 'line', colour: 0 },
    { name: t('training.figures.eval_loss'), points: pointsOf(log, 'eval_loss'), look: 'dots', colour: 1 },
  ];
  const last = log.at(-1);
  const fraction = run.totalSteps === null || run.totalSteps === 0 ? null : Math.min(1, (last?.step ?? 0) / run.totalSteps);
  return (
    <div className={classes.work}>
      <div className={classes.runBody}>
        <header className={classes.runHead}>
          <div className={classes.runTitle}>
            <h2>{run.config.name}</h2>
            <p className="num">
              {[
                t(`training.states.${run.state}`),
                run.config.baseName,
                last === undefined ? null : t('training.stepOf', { step: format.number(last.step), total: format.number(run.totalSteps) }),
                last?.seconds_left == null || run.state !== 'running'
                  ? null
                  : t('jobs.remaining', { time: format.duration(last.seconds_left * 1000) }),
              ]
                .filter((part) => part !== null)
                .join(' · ')}
            </p>
          </div>
          <Controls run={run} onGone={onGone} />
        </header>
        {(run.state === 'running' || run.state === 'waiting') && (
          <Progress label={run.config.name} fraction={run.state === 'waiting' ? null : fraction} />
        )}
        {run.error !== null && <ErrorPanel error={run.error} />}
        {run.result !== null && <Warnings warnings={run.result.warnings} />}
        <Results run={run} />
        {log.length === 0 ? (
          <p className={classes.waiting}>{t(run.state === 'running' ? 'training.preparing' : 'training.noSteps')}</p>
        ) : (
          <>
            <LossChart series={series} label={t('training.chart')} />
            <Legend series={series.filter(({ points }) => points.length > 0)} />
            <RunFigures log={log} />
          </>
        )}
        <RunSamples samples={samples} />
        {run.checkpoints.length > 0 && (
          <section aria-labelledby="training-checkpoints">
            <h3 className={classes.subtitle} id="training-checkpoints">
              {t('training.checkpoints')}
            </h3>
            <ul className={`${classes.checkpoints} num`}>
              {run.checkpoints.map(({ step, sizeBytes, isBest, savedMs }) => (
                <li key={step}>
                  {t('training.checkpointAt', { step: format.number(step), size: format.bytes(sizeBytes), time: format.clock(savedMs) })}
                  {isBest && <span className={classes.best}>{t('training.best')}</span>}
                </li>
              ))}
            </ul>
          </section>
        )}
      </div>
    </div>
  );
}

/** What can be done with a run in its state. */
function Controls({ run, onGone }: { readonly run: TrainingRun; readonly onGone: () => void }) {
  const { t } = useTranslation();
  const pause = useAction('training.pause');
  const resume = useAction('training.resume');
  const stop = useAction('training.stop');
  const save = useAction('training.checkpoint');
  const remove = useAction('training.remove');
  const refresh = (): void => {
    void queryClient.invalidateQueries({ queryKey: keyOf('training.runs', {}) });
    void queryClient.invalidateQueries({ queryKey: keyOf('training.get', { runId: run.id }) });
  };
  const done = { onError: errorToast, onSettled: refresh };
  const runId = { runId: run.id };
  return (
    <div className={classes.controls}>
      {run.state === 'running' && (
        <>
          <Button
            variant="default"
            leftSection={<IconPlayerPause size={15} />}
            loading={pause.isPending}
            onClick={() => pause.mutate(runId, done)}
          >
            {t('training.pause')}
          </Button>
          <Button
            variant="default"
            leftSection={<IconPlayerStop size={15} />}
            loading={stop.isPending}
            onClick={() => stop.mutate(runId, done)}
          >
            {t('training.stop')}
          </Button>
        </>
      )}
      {(run.state === 'paused' || run.state === 'failed') && (
        <Button leftSection={<IconPlayerPlay size={15} />} loading={resume.isPending} onClick={() => resume.mutate(runId, done)}>
          {t('training.resume')}
        </Button>
      )}
      <Menu position="bottom-end">
        <Menu.Target>
          <IconButton label={t('common.more')} variant="default" size={30}>
            <IconDots size={16} />
          </IconButton>
        </Menu.Target>
        <Menu.Dropdown>
          {run.state === 'running' && (
            <Menu.Item onClick={() => save.mutate(runId, { onError: errorToast })}>{t('training.saveNow')}</Menu.Item>
          )}
          <Menu.Item
            data-danger
            disabled={run.state === 'running' || run.state === 'waiting'}
            onClick={() =>
              remove.mutate(runId, {
                onError: errorToast,
                onSuccess: () => {
                  refresh();
                  onGone();
                },
              })
            }
          >
            {t('training.remove')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </div>
  );
}

/** What was made, and where to go with it. */
function Results({ run }: { readonly run: TrainingRun }) {
  const { t } = useTranslation();
  const models = useModels();
  const { data: host } = useCall('system.host', {});
  const reveal = useAction('system.reveal');
  if (run.result === null) return null;
  const made = run.result.modelIds.flatMap((id) => models.find((model) => model.id === id) ?? []);
  const adapter = made.find(({ kind }) => kind === 'gguf-adapter') ?? made.find(({ kind }) => kind === 'peft-adapter');
  const model = made.find(({ kind }) => kind === 'gguf' || kind === 'hf');
  const [path] = run.result.paths;
  return (
    <section className={classes.results} aria-label={t('training.results')}>
      <p>{t(`training.ended.${run.result.reason}`)}</p>
      <div className={classes.controls}>
        {adapter !== undefined && <Button onClick={() => goTo.adapters(adapter.id)}>{t('training.merge')}</Button>}
        {model !== undefined && <Button onClick={() => goTo.newChat(model.id)}>{t('jobs.next.chat')}</Button>}
        {adapter !== undefined && (
          <Button variant="default" onClick={() => goTo.newChat(run.config.baseId)}>
            {t('training.tryBase')}
          </Button>
        )}
        {made[0] !== undefined && (
          <Button variant="default" onClick={() => goTo.library(made[0]?.id)}>
            {t('jobs.next.show')}
          </Button>
        )}
        {path !== undefined && host?.canReveal === true && (
          <Button variant="default" onClick={() => reveal.mutate({ path }, { onError: errorToast })}>
            {t('jobs.next.reveal')}
          </Button>
        )}
      </div>
    </section>
  );
}
