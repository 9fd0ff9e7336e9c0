import { describe, expect, test } from 'vitest';
import type { LogEntry } from '#contract/training.ts';
import { pointsOf, smoothed, thinned } from '#renderer/screens/training/chart.ts';
import { comparedOf, trainingSearch } from '#renderer/screens/training/search.ts';
import { layersFromTags, patternFromTags, tagsOfPattern } from '#renderer/screens/training/tags.ts';
import { mergedLog } from '#renderer/screens/training/use-run.ts';

const entry = (step: number, loss: number | null): LogEntry => ({
  step,
  epoch: 0,
  loss,
  eval_loss: null,
  grad_norm: null,
  learning_rate: 0,
  num_tokens: 0,
  mean_token_accuracy: null,
  entropy: null,
  tokens_per_second: null,
  memory_bytes: 0,
  seconds_left: null,
});

describe('a curve', () => {
  test('has the steps where the figure was measured and is a number', () => {
    expect(pointsOf([entry(1, 2), entry(2, null), entry(3, Number.NaN), entry(4, 1)], 'loss')).toEqual([
      { x: 1, y: 2 },
      { x: 4, y: 1 },
    ]);
  });

  test('smoothed begins where it begins, and a straight line stays one', () => {
    const flat = Array.from({ length: 200 }, (_, x) => ({ x, y: 3 }));
    for (const { y } of smoothed(flat)) expect(y).toBeCloseTo(3, 10);
    const steps = smoothed(Array.from({ length: 200 }, (_, x) => ({ x, y: x < 100 ? 4 : 2 })));
    expect(steps[0]?.y).toBe(4);
    expect(steps[99]?.y).toBeCloseTo(4, 10);
    // After as many steps as it remembers, a third of the way is left: 1/e.
    expect((steps[109]?.y ?? 0) - 2).toBeCloseTo(2 / Math.E, 1);
  });

  test('thinned keeps its peaks, its ends and its order', () => {
    const points = Array.from({ length: 50_000 }, (_, x) => ({ x, y: x === 31_234 ? 99 : Math.sin(x) }));
    const kept = thinned(points, 200);
    expect(kept.length).toBeLessThanOrEqual(800);
    expect(Math.max(...kept.map(({ y }) => y))).toBe(99);
    expect([kept[0], kept.at(-1)]).toEqual([points[0], points.at(-1)]);
    expect(kept.every(({ x }, index) => index === 0 || x > (kept[index - 1]?.x ?? 0))).toBe(true);
  });
});

test('entries that come twice, or late, are there once and in order', () => {
  const log = mergedLog([entry(1, 3), entry(2, 2)], [entry(2, 2), entry(4, 1), entry(3, 1.5)]);
  expect(log.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
});

test('runs that are compared stand in the address, each once', () => {
  expect(comparedOf(trainingSearch({ compare: 'a,b,,a' }))).toEqual(['a', 'b']);
  expect(trainingSearch({ run: '', compare: 1, other: 'x' })).toEqual({ compare: '1' });
});

test('layers are typed as numbers and ranges; what is neither is kept to be told wrong', () => {
  expect(layersFromTags(['3', '5-7', '6'])).toEqual([3, 5, 6, 7]);
  expect(layersFromTags(['7-5', 'all', '0-999999'])).toEqual(['7-5', 'all', '0-999999']);
});

test('patterns are typed as a name and a number, and come back as they were typed', () => {
  const pattern = patternFromTags(['q_proj=4', 'layers\\.[01]\\..*=2.5', 'v_proj', 'k_proj=many']);
  expect(pattern).toEqual({ q_proj: 4, 'layers\\.[01]\\..*': 2.5, v_proj: '', k_proj: 'many' });
  expect(tagsOfPattern(pattern)).toEqual(['q_proj=4', 'layers\\.[01]\\..*=2.5', 'v_proj=', 'k_proj=many']);
});
