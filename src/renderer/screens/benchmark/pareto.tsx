import { IconCircleCheck } from '@tabler/icons-react';
import type { TFunction } from 'i18next';
import type { RefObject } from 'react';
import { useTranslation } from 'react-i18next';
import type { ParetoView, Recommendation } from '#core/benchmark/recommend.ts';
import { useFormat, type Formats } from '../../format.ts';
import { ParetoChart } from './pareto-chart.tsx';
import type { Variant } from './results.ts';
import classes from './benchmark.module.css';

/** Speeds that differ by less are said to be the same. */
const NOTED_RATIO = 1.05;

interface Props {
  readonly variants: readonly Variant[];
  /** Of the run laid beside. */
  readonly others: readonly Variant[];
  readonly view: ParetoView;
  readonly chart: RefObject<SVGSVGElement | null>;
  readonly isAtWork: boolean;
}

/** The answer: the one to run here, in a sentence with its reason, and in a chart of speed, loss and memory. */
export function ParetoSection({ variants, others, view: { dominated, recommendation }, chart, isAtWork }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  if (variants.length === 0) return null;
  return (
    <section aria-labelledby="benchmark-pareto">
      <h3 className={classes.subtitle} id="benchmark-pareto">
        {t('benchmark.pareto.title')}
      </h3>
      {!isAtWork && recommendation !== null && (
        <p className={classes.advice}>
          <IconCircleCheck size={16} stroke={1.8} aria-hidden />
          {reasonText(recommendation, variants, format, t)}
        </p>
      )}
      <ParetoChart
        ref={chart}
        variants={variants}
        others={others}
        dominated={dominated}
        recommendedId={isAtWork ? null : (recommendation?.id ?? null)}
      />
      <ul className={classes.legend}>
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

/** Why a variant is to be taken, with the figures that say so. */
function reasonText({ id, reason }: Recommendation, variants: readonly Variant[], format: Formats, t: TFunction): string {
  const best = variants.find((variant) => variant.id === id);
  if (best === undefined) return '';
  const known = { name: best.row.name, memory: format.bytes(best.memoryBytes), speed: format.figure(best.tokensPerSecond) };
  switch (reason.code) {
    case 'only':
      return t('benchmark.pareto.reasons.only', known);
    case 'fastestOfFaithful': {
      const kl = { kl: format.small(reason.meanKl), limit: format.small(reason.limit) };
      return reason.timesFaster < NOTED_RATIO
        ? t('benchmark.pareto.reasons.equallyFast', { ...known, ...kl })
        : t('benchmark.pareto.reasons.fastestOfFaithful', { ...known, ...kl, times: format.small(reason.timesFaster) });
    }
    case 'mostFaithful':
      return t('benchmark.pareto.reasons.mostFaithful', { ...known, kl: format.small(reason.meanKl), limit: format.small(reason.limit) });
    case 'fastest':
      return reason.timesFaster < NOTED_RATIO
        ? t('benchmark.pareto.reasons.smallest', known)
        : t('benchmark.pareto.reasons.fastest', { ...known, times: format.small(reason.timesFaster) });
  }
}
