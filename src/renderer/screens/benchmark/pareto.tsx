import { IconCircleCheck } from '@tabler/icons-react';
import type { RefObject } from 'react';
import { useTranslation } from 'react-i18next';
import type { ParetoView } from '#core/benchmark/recommend.ts';
import { ParetoChart } from './pareto-chart.tsx';
import type { Variant } from './results.ts';
import classes from './benchmark.module.css';

interface Props {
  readonly variants: readonly Variant[];
  /** Of the run laid beside. */
  readonly others: readonly Variant[];
  readonly view: ParetoView;
  readonly chart: RefObject<SVGSVGElement | null>;
  readonly isAtWork: boolean;
  /** Which one to take and why, in words; null while that is not known. */
  readonly advice: string | null;
}

/** The answer: the one to run here, in a sentence with its reason, and in a chart of speed, loss and memory. */
export function ParetoSection({ variants, others, view: { dominated, recommendation }, chart, isAtWork, advice }: Props) {
  const { t } = useTranslation();
  if (variants.length === 0) return null;
  return (
    <section aria-labelledby="benchmark-pareto">
      <h3 className={classes.subtitle} id="benchmark-pareto">
        {t('benchmark.pareto.title')}
      </h3>
      {advice !== null && (
        <p className={classes.advice}>
          <IconCircleCheck size={16} stroke={1.8} aria-hidden />
          {advice}
        </p>
      )}
      <ParetoChart
        ref={chart}
        variants={variants}
        others={others}
        dominated={dominated}
        recommendedId={isAtWork ? null : (recommendation?.id ?? null)}
      />
      <ul className={classes.legend} data-legend>
        {!isAtWork && (
          <li>
            <span className={classes.swatch} data-look="recommended" aria-hidden />
            {t('benchmark.pareto.recommended')}
          </li>
        )}
        {dominated.size > 0 && (
          <li>
            <span className={classes.swatch} data-look="dominated" aria-hidden />
            {t('benchmark.pareto.dominated')}
          </li>
        )}
        {others.length > 0 && (
          <li>
            <span className={classes.swatch} data-look="beside" aria-hidden />
            {t('benchmark.pareto.beside')}
          </li>
        )}
        {variants.some(({ meanKl }) => meanKl !== null) && <li>{t('benchmark.pareto.size')}</li>}
      </ul>
    </section>
  );
}
