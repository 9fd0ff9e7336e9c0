import { paretoFront } from './pareto.ts';

/** One variant of a base, as it was measured. */
export interface MeasuredVariant {
  readonly id: string;
  /** Generated tokens a second. */
  readonly tokensPerSecond: number;
  /** Most memory while it ran. */
  readonly memoryBytes: number;
  /** Mean KL divergence from the base, in nats a token; 0 of the base itself; null: not measured. */
  readonly meanKl: number | null;
}

/** Why a variant is named: a key of the translations, with the figures that it rests on. */
export type RecommendationReason =
  /** There was nothing to choose from. */
  | { readonly code: 'only' }
  /** The fastest of those that lose little; `meanKl` is what it loses. */
  | { readonly code: 'fastestOfFaithful'; readonly meanKl: number; readonly limit: number; readonly timesFaster: number }
  /** All lose much: the one that loses least. */
  | { readonly code: 'mostFaithful'; readonly meanKl: number; readonly limit: number }
  /** What they lose was not measured: the fastest. */
  | { readonly code: 'fastest'; readonly timesFaster: number };

export interface Recommendation {
  readonly id: string;
  readonly reason: RecommendationReason;
}

export interface ParetoView {
  /** Ids of the variants that another one betters in everything. */
  readonly dominated: ReadonlySet<string>;
  readonly recommendation: Recommendation | null;
}

/**
 * What a variant may lose and still be taken for the same model. llama.cpp's table of Llama 3 8B (tools/perplexity/README.md, without
 * importance matrices) gives 0.0014 for Q8_0, 0.0055 for Q6_K, 0.011 for Q5_K_M, 0.031 for Q4_K_M, 0.072 for Q4_0 and 0.087 for Q3_K_L.
 */
export const FAITHFUL_KL = 0.04;

/** Variants whose speeds differ by less are equally fast: then the smaller one is better. */
const SAME_SPEED = 0.03;

/** Which variants are worth a look, and which one is to be run here. Empty in, nothing out. */
export function paretoView(variants: readonly MeasuredVariant[]): ParetoView {
  const points = variants.map(({ tokensPerSecond, memoryBytes, meanKl }) => [tokensPerSecond, memoryBytes, meanKl]);
  const front = paretoFront(points, ['more', 'less', 'less']);
  const dominated = new Set(variants.filter((_, place) => front[place] === false).map(({ id }) => id));
  return {
    dominated,
    recommendation: recommend(
      variants.filter(({ id }) => !dominated.has(id)),
      variants,
    ),
  };
}

function recommend(candidates: readonly MeasuredVariant[], all: readonly MeasuredVariant[]): Recommendation | null {
  const [first] = candidates;
  if (first === undefined) return null;
  if (all.length === 1) return { id: first.id, reason: { code: 'only' } };
  const slowest = Math.min(...all.map(({ tokensPerSecond }) => tokensPerSecond));
  const timesFaster = ({ tokensPerSecond }: MeasuredVariant): number => tokensPerSecond / slowest;
  const measured = candidates.flatMap((variant) => (variant.meanKl === null ? [] : [{ variant, meanKl: variant.meanKl }]));
  const limit = FAITHFUL_KL;
  const faithful = measured.filter(({ meanKl }) => meanKl <= limit);
  if (faithful.length > 0) {
    const best = fastest(faithful.map(({ variant }) => variant));
    return { id: best.id, reason: { code: 'fastestOfFaithful', meanKl: best.meanKl ?? 0, limit, timesFaster: timesFaster(best) } };
  }
  const closest = measured.toSorted((left, right) => left.meanKl - right.meanKl)[0];
  if (closest !== undefined) return { id: closest.variant.id, reason: { code: 'mostFaithful', meanKl: closest.meanKl, limit } };
  const best = fastest(candidates);
  return { id: best.id, reason: { code: 'fastest', timesFaster: timesFaster(best) } };
}

/** Of those that are as fast as the fastest, the smallest. */
function fastest(variants: readonly MeasuredVariant[]): MeasuredVariant {
  const most = Math.max(...variants.map(({ tokensPerSecond }) => tokensPerSecond));
  const [best] = variants
    .filter(({ tokensPerSecond }) => tokensPerSecond >= most * (1 - SAME_SPEED))
    .toSorted((left, right) => left.memoryBytes - right.memoryBytes || right.tokensPerSecond - left.tokensPerSecond);
  if (best === undefined) throw new RangeError('no variant');
  return best;
}
