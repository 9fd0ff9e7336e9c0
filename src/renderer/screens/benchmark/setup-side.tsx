import { useTranslation } from 'react-i18next';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { UNKNOWN, useFormat } from '../../format.ts';
import { roundTime } from './round-time.ts';
import type { Setup } from './use-setup.ts';
import classes from './benchmark.module.css';

/** What the run will be, and how it is measured. */
export function SetupSide({ setup }: { readonly setup: Setup }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { plan, missing, request } = setup;
  const known = missing === null && !plan.isError ? plan.data : undefined;
  const time =
    known === undefined ? UNKNOWN : known.estimateMs === null ? t('benchmark.side.unknown') : format.duration(roundTime(known.estimateMs));
  return (
    <aside className={classes.side} aria-labelledby="benchmark-side">
      <h2 className={classes.sideTitle} id="benchmark-side">
        {t('benchmark.side.title')}
      </h2>
      <dl className={`${classes.plan} num`}>
        <div>
          <dt>{t('benchmark.side.targets')}</dt>
          <dd>{format.number(request.targets.length)}</dd>
        </div>
        <div>
          <dt>{t('benchmark.side.cellCount')}</dt>
          <dd>{known === undefined ? UNKNOWN : format.number(known.cells)}</dd>
        </div>
        <div>
          <dt>{t('benchmark.side.time')}</dt>
          <dd>{time}</dd>
        </div>
      </dl>
      {missing === null && plan.isError && <ErrorPanel error={plan.error} />}
      <p className={classes.note}>{t('benchmark.side.method')}</p>
      <p className={classes.note}>{t('benchmark.side.quiet')}</p>
    </aside>
  );
}
