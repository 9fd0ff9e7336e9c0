import { describe, expect, test } from 'vitest';
import { paretoFront } from '#core/benchmark/pareto.ts';
import { FAITHFUL_KL, paretoView, type MeasuredVariant } from '#core/benchmark/recommend.ts';

const MiB = 2 ** 20;
const variant = (id: string, tokensPerSecond: number, memory: number, meanKl: number | null): MeasuredVariant => ({
  id,
  tokensPerSecond,
  memoryBytes: memory * MiB,
  meanKl,
});

describe('the front', () => {
  test('has what nothing betters in everything', () => {
    const points = [
      [10, 5],
      [8, 4],
      [8, 6],
      [12, 9],
      [10, 5],
      [1, 1],
    ];
    expect(paretoFront(points, ['more', 'less'])).toEqual([true, true, false, true, true, true]);
    expect(paretoFront(points, ['less', 'less'])).toEqual([false, false, false, false, false, true]);
  });

  test('judges nothing by a number that is not known', () => {
    expect(
      paretoFront(
        [
          [10, null],
          [9, 0.1],
          [8, null],
        ],
        ['more', 'less'],
      ),
    ).toEqual([true, true, false]);
  });

  test('is what trying all pairs gives, for random points', () => {
    let state = 7;
    const random = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) % 5;
    for (let trial = 0; trial < 200; trial += 1) {
      const points = Array.from({ length: 12 }, () => [random(), random(), random()]);
      const front = paretoFront(points, ['more', 'more', 'more']);
      for (const [i, [a = 0, b = 0, c = 0]] of points.entries()) {
        const beaten = points.some(([x = 0, y = 0, z = 0]) => x >= a && y >= b && z >= c && x + y + z > a + b + c);
        expect(front[i]).toBe(!beaten);
      }
    }
  });
});

describe('what is recommended', () => {
  test('is the fastest of those that lose little', () => {
    const { dominated, recommendation } = paretoView([
      variant('F16', 10, 800, 0),
      variant('Q8_0', 18, 420, 0.001),
      variant('Q4_K_M', 30, 250, 0.03),
      variant('Q2_K', 40, 160, 0.4),
      variant('F32', 5, 1600, 0),
    ]);
    expect([...dominated]).toEqual(['F32']);
    expect(recommendation).toEqual({
      id: 'Q4_K_M',
      reason: { code: 'fastestOfFaithful', meanKl: 0.03, limit: FAITHFUL_KL, timesFaster: 6 },
    });
  });

  test('of two that are equally fast is the smaller', () => {
    expect(paretoView([variant('a', 100, 300, 0.01), variant('b', 99, 200, 0.02)]).recommendation?.id).toBe('b');
    expect(paretoView([variant('a', 100, 300, 0.01), variant('b', 90, 200, 0.02)]).recommendation?.id).toBe('a');
  });

  test('where all lose much is the one that loses least', () => {
    expect(paretoView([variant('a', 10, 10, 0.5), variant('b', 12, 9, 0.9)]).recommendation).toEqual({
      id: 'a',
      reason: { code: 'mostFaithful', meanKl: 0.5, limit: FAITHFUL_KL },
    });
  });

  test('without a measure of quality is the fastest, and says so; alone it is the only one', () => {
    expect(paretoView([variant('a', 10, 10, null), variant('b', 20, 30, null)]).recommendation).toEqual({
      id: 'b',
      reason: { code: 'fastest', timesFaster: 2 },
    });
    expect(paretoView([variant('a', 10, 10, null)]).recommendation).toEqual({ id: 'a', reason: { code: 'only' } });
    expect(paretoView([])).toEqual({ dominated: new Set(), recommendation: null });
  });
});
