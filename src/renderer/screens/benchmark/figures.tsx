import { IconAlertTriangle } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { BenchmarkCell, Series } from '#contract/benchmark.ts';
import { UNKNOWN, useFormat } from '../../format.ts';
import type { ResultOf } from './results.ts';
import classes from './benchmark.module.css';

/** How far a measurement is that has no result. */
export function CellState({ cell: { state } }: { readonly cell: BenchmarkCell }) {
  const { t } = useTranslation();
  return (
    <span className={classes.cellState} data-state={state}>
      {state === 'running' && <span className={classes.pulse} aria-hidden />}
      {state === 'failed' && <IconAlertTriangle size={13} aria-hidden />}
      {state === 'done' ? UNKNOWN : t(`benchmark.table.${state}`)}
    </span>
  );
}

interface FigureProps {
  readonly series: Series | null | undefined;
  readonly write: (value: number) => string;
}

/** A median with its confidence interval below it, marked where a value lies far from the others. */
export function Figure({ series, write }: FigureProps) {
  const { t } = useTranslation();
  if (series == null) return UNKNOWN;
  const { median, outliers } = series;
  const [low, high] = [write(series.low), write(series.high)];
  return (
    <>
      {write(median)}
      {outliers.length > 0 && (
        <span className={classes.outlier} title={t('benchmark.table.outliers', { count: outliers.length })}>
          <span aria-hidden>∗</span>
          <span className="sr-only">{t('benchmark.table.outliers', { count: outliers.length })}</span>
        </span>
      )}
      {low !== high && <span className={classes.range}>{t('benchmark.table.range', { low, high })}</span>}
    </>
  );
}

/** Questions answered right, with the interval of their share. */
export function Share({ share }: { readonly share: ResultOf<'questions'>['choice'] | undefined }) {
  const { t } = useTranslation();
  const format = useFormat();
  if (share == null) return null;
  return (
    <span className={classes.share}>
      {t('benchmark.table.ofQuestions', { right: format.number(share.right), count: share.count })}
      <span className={classes.range}>
        {t('benchmark.table.range', { low: format.percent(share.low), high: format.percent(share.high) })}
      </span>
    </span>
  );
}
