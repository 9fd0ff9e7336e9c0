import { expect, test } from 'vitest';
import { parseSweep, planCells, presetNames } from '#core/benchmark/sweep.ts';
import { errorOf } from '../../expect-error.ts';

test('a preset alone is one cell a model, or what it sweeps over itself', () => {
  expect(planCells(['a', 'b'], 'quick').map(({ model }) => model)).toEqual(['a', 'b']);
  expect(planCells(['a'], 'standard')).toMatchObject([
    { settings: { promptTokens: 512, newTokens: 128, repetitions: 5, batch: 2048, ubatch: 512 } },
  ]);
  expect(planCells(['a'], 'long').map(({ settings }) => settings.context)).toEqual([0, 2048, 8192]);
  expect(presetNames.flatMap((preset) => planCells([], preset))).toEqual([]);
});

test('a sweep is every combination, model by model, the last named changing first', () => {
  const sweep = parseSweep(['context=512,2048', 'key-type=q8_0', 'threads=1,2,1']);
  const cells = planCells(['a', 'b'], 'quick', sweep);
  expect(cells.map(({ model, settings: { context, threads, keyType } }) => [model, context, threads, keyType])).toEqual(
    ['a', 'b'].flatMap((model) => [
      [model, 512, 1, 'Q8_0'],
      [model, 512, 2, 'Q8_0'],
      [model, 2048, 1, 'Q8_0'],
      [model, 2048, 2, 'Q8_0'],
    ]),
  );
  // What is swept explicitly takes the place of what the preset sweeps over.
  expect(planCells(['a'], 'long', { context: [64] }).map(({ settings }) => settings.context)).toEqual([64]);
});

test.for([
  'contxt=1',
  'context',
  'context=',
  'context=1,',
  'context=-1',
  'context=1e3',
  'threads=0',
  'threads=513',
  'key-type=Q4_K',
  'context=1=2',
  'toString=1',
  'flash-attention=maybe',
  'batch=99999999999',
])('refuses %s', async (text) => {
  expect(await errorOf(() => parseSweep([text]))).toMatchObject({ code: 'benchmark.badSweep', params: { sweep: text } });
});

test('refuses a sweep that would not end', async () => {
  const values = Array.from({ length: 11 }, (_, i) => i + 1);
  expect(await errorOf(() => planCells(['a'], 'quick', { context: values, batch: values, threads: values }))).toMatchObject({
    code: 'benchmark.tooManyCells',
    params: { cells: 1331 },
  });
});
