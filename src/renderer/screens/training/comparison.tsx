import { useQueries } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import type { TrainingRun } from '#contract/training.ts';
import { useFormat } from '../../format.ts';
import { callOptions } from '../../queries.ts';
import { pointsOf, smoothed } from './chart.ts';
import { Legend, LossChart, type Series } from './loss-chart.tsx';
import classes from './training.module.css';

/** What usually tells runs apart. */
const SETTINGS = [
  'r',
  'lora_alpha',
  'learning_rate',
  'num_train_epochs',
  'max_length',
  'per_device_train_batch_size',
  'gradient_accumulation_steps',
] as const;

/** Curves of several runs over each other, and below them what they differ in. */
export function Comparison({ runs }: { readonly runs: readonly TrainingRun[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const found = useQueries({ queries: runs.map(({ id: runId }) => callOptions('training.get', { runId })) });
  const series = found.flatMap(({ data }, colour): Series[] =>
    data === undefined
      ? []
      : [
          { name: data.run.config.name, points: smoothed(pointsOf(data.log, 'loss')), look: 'line', colour },
          {
            name: t('training.evaluationOf', { name: data.run.config.name }),
            points: pointsOf(data.log, 'eval_loss'),
            look: 'dots',
            colour,
          },
        ],
  );
  const best = (run: TrainingRun): number | null => {
    const log = found.find(({ data }) => data?.run.id === run.id)?.data?.log ?? [];
    const losses = log.flatMap(({ eval_loss: loss }) => (loss === null ? [] : [loss]));
    return losses.length === 0 ? null : Math.min(...losses);
  };
  return (
    <div className={classes.work}>
      <div className={classes.runBody}>
        <h2 className={classes.sideTitle}>{t('training.comparison')}</h2>
        <LossChart series={series} label={t('training.chart')} />
        <Legend series={series.filter(({ points }) => points.length > 0)} />
        <div className={classes.tableBox} role="region" aria-label={t('training.comparison')} tabIndex={0}>
          <table className={`${classes.table} num`}>
            <thead>
              <tr>
                <th scope="col">{t('training.run')}</th>
                <th scope="col">{t('training.figures.loss')}</th>
                <th scope="col">{t('training.bestEvaluation')}</th>
                {SETTINGS.map((setting) => (
                  <th key={setting} scope="col">
                    {t(`training.settings.${setting}`)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {runs.map((run) => (
                <tr key={run.id}>
                  <th scope="row">{run.config.name}</th>
                  <td>{format.fixed(run.last?.loss, 3)}</td>
                  <td>{format.fixed(best(run), 3)}</td>
                  {SETTINGS.map((setting) => (
                    <td key={setting}>{format.figure(Number(run.config.settings[setting]))}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </div>
    </div>
  );
}
