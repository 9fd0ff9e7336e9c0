/** What repeated measurements of one thing say, without any assumption of how they are distributed. */
export interface Summary {
  readonly count: number;
  readonly median: number;
  /** The confidence interval of the median: two of the measured values. */
  readonly low: number;
  readonly high: number;
  /** How sure the interval is; below what was asked for where there are too few values for more. */
  readonly confidence: number;
  /** Places of the values that are far from the others. They count all the same: a median does not mind them. */
  readonly outliers: readonly number[];
}

/** Iglewicz and Hoaglin, "How to Detect and Handle Outliers" (1993): a modified z-score above this is an outlier. */
const OUTLIER_SCORE = 3.5;

/** The third quartile of the normal distribution: MAD / this estimates its standard deviation. */
const NORMAL_QUARTILE = 0.674_489_750_196_081_7;

/** The middle value, or the mean of the two middle ones; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/**
 * Median, its confidence interval and outliers of at least one value.
 * @param wanted confidence of the interval, between 0 and 1
 */
export function summarize(values: readonly number[], wanted = 0.95): Summary {
  const sorted = values.toSorted((left, right) => left - right);
  const { rank, confidence } = intervalRank(sorted.length, wanted);
  return {
    count: sorted.length,
    median: median(sorted),
    low: sorted[rank - 1] ?? Number.NaN,
    high: sorted[sorted.length - rank] ?? Number.NaN,
    confidence,
    outliers: outliersOf(values),
  };
}

/**
 * The order statistics that hold the median between them: the r-th smallest and the r-th largest do with probability
 * 1 − 2·P(B ≤ r − 1), B binomial of n and one half (Conover, "Practical Nonparametric Statistics", 3.2). The largest r that is sure enough.
 */
function intervalRank(count: number, wanted: number): { readonly rank: number; readonly confidence: number } {
  let found = { rank: 1, confidence: Math.max(0, 1 - 2 ** (1 - count)) };
  // P(B ≤ 0) = 2⁻ⁿ; logarithms, since it is below the smallest number for long series.
  let logTerm = -count * Math.LN2;
  let below = Math.exp(logTerm);
  for (let rank = 2; 2 * rank <= count; rank += 1) {
    logTerm += Math.log((count - rank + 2) / (rank - 1));
    below += Math.exp(logTerm);
    const confidence = 1 - 2 * below;
    if (confidence < wanted) break;
    found = { rank, confidence };
  }
  return found;
}

/** By the distance from the median in units of the median distance (MAD). Where half of the values are equal there is no such unit. */
function outliersOf(values: readonly number[]): readonly number[] {
  const center = median(values);
  const distances = values.map((value) => Math.abs(value - center));
  const unit = median(distances);
  if (!(unit > 0)) return [];
  return [...distances.keys()].filter((place) => (NORMAL_QUARTILE * (distances[place] ?? 0)) / unit > OUTLIER_SCORE);
}

/** A share of questions, with its confidence interval. */
export interface ShareInterval {
  readonly count: number;
  readonly right: number;
  readonly share: number;
  readonly low: number;
  readonly high: number;
}

/** The 97.5th percentile of the normal distribution: an interval of 95 %. */
const NORMAL_975 = 1.959_963_984_540_054;

/** Wilson's score interval of 95 % (Wilson, 1927): it stays between 0 and 1, and holds for few questions too. `count` is at least 1. */
export function shareInterval(right: number, count: number): ShareInterval {
  const share = right / count;
  const z = NORMAL_975;
  const center = (share + (z * z) / (2 * count)) / (1 + (z * z) / count);
  const half = (z / (1 + (z * z) / count)) * Math.sqrt((share * (1 - share)) / count + (z * z) / (4 * count * count));
  return { count, right, share, low: Math.max(0, center - half), high: Math.min(1, center + half) };
}
