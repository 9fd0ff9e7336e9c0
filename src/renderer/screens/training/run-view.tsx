import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { readSettings } from '#core/training/settings.ts';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { Progress } from '../../components/progress.tsx';
import { useFormat } from '../../format.ts';
import { beginAgain } from './again.ts';
import { BeforeAfter } from './before-after.tsx';
import { pointsOf, smoothed, USUAL_SMOOTHING } from './chart.ts';
import { Controls } from './controls.tsx';
import { Legend, LossChart, type Series } from './loss-chart.tsx';
import { MEMORY_ERRORS, Remedies } from './remedies.tsx';
import { Results } from './results.tsx';
import { RunFigures } from './run-figures.tsx';
import { RunSamples } from './run-samples.tsx';
import { Smoothing } from './smoothing.tsx';
import { useRun } from './use-run.ts';
import classes from './training.module.css';

/** Steps after which the time that is left is more than a guess. */
const MEASURED_STEPS = 10;

/** A run while it learns and afterwards: curve, figures, samples, and what can be done with what came of it. */
export function RunView({ runId, onGone }: { readonly runId: string; readonly onGone: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { asked, watched } = useRun(runId);
  const [smoothing, setSmoothing] = useState(USUAL_SMOOTHING);
  if (asked.isError)
    return (
      <div className={classes.notice}>
        <ErrorPanel error={asked.error} action={{ label: t('training.runs.new'), run: onGone }} />
      </div>
    );
  if (watched === undefined) return <div className={classes.work} />;
  const { run, log, samples, comparison } = watched;
  const losses = pointsOf(log, 'loss');
  const series: readonly Series[] = [
    { name: 'trace', points: losses, look: 'trace', colour: 0 },
    { name: t('training.figures.loss'), points: smoothed(losses, smoothing), look: 'line', colour: 0 },
    { name: t('training.figures.eval_loss'), points: pointsOf(log, 'eval_loss'), look: 'dots', colour: 1 },
  ];
  const last = log.at(-1);
  const fraction = run.totalSteps === null || run.totalSteps === 0 ? null : Math.min(1, (last?.step ?? 0) / run.totalSteps);
  const remaining =
    log.length < MEASURED_STEPS || last?.seconds_left == null
      ? t('training.measuring')
      : t('jobs.remaining', { time: format.duration(last.seconds_left * 1000) });
  const { settings } = readSettings(run.config.settings);
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
                run.state !== 'running' || last === undefined ? null : remaining,
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
        {run.error !== null && (
          <ErrorPanel error={run.error}>
            {MEMORY_ERRORS.has(run.error.code) && (
              <Remedies settings={settings} baseId={run.config.baseId} onTake={(change) => beginAgain(run, change)} />
            )}
          </ErrorPanel>
        )}
        <Results run={run} />
        {log.length === 0 ? (
          <p className={classes.waiting}>{t(run.state === 'running' ? 'training.preparing' : 'training.noSteps')}</p>
        ) : (
          <>
            <LossChart series={series} label={t('training.chart')} />
            <div className={classes.legendRow}>
              <Legend series={series.filter(({ points }) => points.length > 0)} />
              <Smoothing share={smoothing} onChange={setSmoothing} />
            </div>
            <RunFigures log={log} />
          </>
        )}
        {run.result !== null && <BeforeAfter key={run.id} run={run} comparison={comparison} />}
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
