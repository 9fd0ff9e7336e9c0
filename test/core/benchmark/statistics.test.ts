import { describe, expect, test } from 'vitest';
import { median, summarize } from '#core/benchmark/statistics.ts';

test('the median of an even count lies between the two middle values; of nothing there is none', () => {
  expect([median([3, 1, 2]), median([4, 1, 3, 2]), median([7]), median([])]).toEqual([2, 2.5, 7, Number.NaN]);
});

describe('the interval of the median', () => {
  /** Table A3 of Conover's "Practical Nonparametric Statistics" (binomial, p = 0.5): ranks and their confidence. */
  test.for([
    [2, 1, 0.5],
    [5, 1, 0.9375],
    [6, 1, 0.96875],
    [8, 1, 0.9921875],
    [9, 2, 0.9609375],
    [10, 2, 0.978515625],
    [15, 4, 0.96484375],
    [20, 6, 0.9586105346679688],
    [25, 8, 0.9567147493362427],
  ] as const)('of %i values goes from the %i. smallest to the same from above, with %f', ([count, rank, confidence]) => {
    const values = Array.from({ length: count }, (_, i) => (i * 7) % count);
    // Counts that 7 divides would repeat values.
    expect(new Set(values).size).toBe(count);
    const summary = summarize(values);
    expect([summary.low, summary.high]).toEqual([rank - 1, count - rank]);
    expect(summary.confidence).toBeCloseTo(confidence, 12);
  });

  test('of one value says nothing', () => {
    expect(summarize([5])).toMatchObject({ median: 5, low: 5, high: 5, confidence: 0, outliers: [] });
  });

  test('of a long series stays finite, and near to the normal approximation', () => {
    const { low, high, confidence } = summarize(Array.from({ length: 10_001 }, (_, i) => i));
    // 5000 ± 1.96 · √10001 / 2
    expect(Math.abs(low - 4902)).toBeLessThanOrEqual(1);
    expect(Math.abs(high - 5098)).toBeLessThanOrEqual(1);
    expect(confidence).toBeGreaterThanOrEqual(0.95);
    // A step of a rank is 2 · φ(1.96) / 50 wide there.
    expect(confidence).toBeLessThan(0.9524);
  });

  test('holds the true median as often as it says', () => {
    let state = 1;
    const random = (): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    };
    let held = 0;
    const trials = 4000;
    for (let trial = 0; trial < trials; trial += 1) {
      // Exponential with median ln 2: far from symmetric.
      const { low, high } = summarize(Array.from({ length: 10 }, () => -Math.log(1 - random())));
      if (low <= Math.LN2 && Math.LN2 <= high) held += 1;
    }
    expect(held / trials).toBeGreaterThan(0.97);
    expect(held / trials).toBeLessThan(0.987);
  });
});

describe('outliers', () => {
  test('are those whose modified z-score is above 3.5', () => {
    // Median 2.3, MAD 0.1; 0.6745 · |x − 2.3| / 0.1 is 3.37 at 2.8 and 4.05 at 2.9.
    expect(summarize([2.1, 2.2, 2.3, 2.4, 2.3, 2.2, 2.4, 2.8]).outliers).toEqual([]);
    expect(summarize([2.1, 2.2, 2.3, 2.4, 2.3, 2.2, 2.4, 2.9]).outliers).toEqual([7]);
  });

  test('do not move the median, and are not found where half of the values are equal', () => {
    expect(summarize([1, 1.1, 0.9, 1.05, 900])).toMatchObject({ median: 1.05, outliers: [4] });
    expect(summarize([2, 2, 2, 9]).outliers).toEqual([]);
  });
});
