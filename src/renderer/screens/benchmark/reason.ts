import type { TFunction } from 'i18next';
import type { Recommendation } from '#core/benchmark/recommend.ts';
import type { Formats } from '../../format.ts';
import type { Variant } from './results.ts';

/** Speeds that differ by less are said to be the same. */
const NOTED_RATIO = 1.05;

/** Why a variant is to be taken, with the figures that say so. */
export function reasonText({ id, reason }: Recommendation, variants: readonly Variant[], format: Formats, t: TFunction): string {
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
