import { describe, expect, test } from 'vitest';
import type { BenchmarkCell, BenchmarkRun, CellResult, MeasuredTarget } from '#contract/benchmark.ts';
import { areVariants, basesOf, referenceOf, relativesOf, runnableOf } from '#renderer/screens/benchmark/family.ts';
import { sorted, valueOf } from '#renderer/screens/benchmark/columns.ts';
import { answersOf, rowsOf, settingsOf, variantsOf } from '#renderer/screens/benchmark/results.ts';
import { roundTime } from '#renderer/screens/benchmark/round-time.ts';
import { linearScale, lossScale } from '#renderer/screens/benchmark/scale.ts';
import { benchmarkSearch, modelsOf } from '#renderer/screens/benchmark/search.ts';
import { withoutPrefix } from '#renderer/screens/benchmark/short-names.ts';
import { promptsOf, sweepOf } from '#renderer/screens/benchmark/use-setup.ts';
import { modelOf } from './models.ts';

const shape = { architecture: 'llama', layerCount: 32, embeddingLength: 4096, vocabularySize: 32_000, parameterCount: 8e9 };

describe('variants of one base', () => {
  const original = modelOf('f16', { sizeBytes: 16, facts: { ...shape, quantization: 'F16' } });
  const q4 = modelOf('q4', { sizeBytes: 5, facts: { ...shape, quantization: 'Q4_K_M' } });
  const q8 = modelOf('q8', { sizeBytes: 8, facts: { ...shape, quantization: 'Q8_0' } });
  const folder = modelOf('hf', { kind: 'hf', sizeBytes: 17, facts: { ...shape, quantization: 'BF16' } });
  const larger = modelOf('70b', { sizeBytes: 40, facts: { ...shape, layerCount: 80, embeddingLength: 8192, quantization: 'Q4_K_M' } });
  const other = modelOf('qwen', { sizeBytes: 5, facts: { ...shape, architecture: 'qwen2', quantization: 'Q4_K_M' } });
  const all = [q4, larger, folder, other, original, q8];

  test('are of its architecture and shape; another size or family is none', () => {
    expect(relativesOf(all, q4).map(({ id }) => id)).toEqual(['hf', 'f16', 'q8', 'q4']);
    expect([areVariants(q4, larger), areVariants(q4, other)]).toEqual([false, false]);
    // What a file does not tell is not held against it.
    expect(areVariants(q4, modelOf('x', { facts: { architecture: 'LLAMA' } }))).toBe(true);
    expect(areVariants(q4, modelOf('y', { facts: {} }))).toBe(false);
  });

  test('run as GGUF files, and are held against what has lost nothing', () => {
    const relatives = relativesOf(all, q4);
    expect(runnableOf(relatives).map(({ id }) => id)).toEqual(['f16', 'q8', 'q4']);
    expect(referenceOf(relatives, q4)?.id).toBe('f16');
    expect(referenceOf([folder, q8, q4], q4)?.id).toBe('hf');
    expect(referenceOf([q8, q4], q4)?.id).toBe('q8');
    expect(
      basesOf(all)
        .slice(0, 2)
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual(['f16', 'hf']);
  });
});

const target = (name: string, kind: MeasuredTarget['kind'] = 'local'): MeasuredTarget => ({
  kind,
  modelId: kind === 'local' ? name : null,
  name,
  architecture: 'llama',
  quantization: null,
  parameterCount: null,
  sizeBytes: null,
  sha256: null,
  adapters: [],
});

const cell = (position: number, place: number, task: BenchmarkCell['task'], result: CellResult | null): BenchmarkCell => ({
  id: `c${position}`,
  position,
  target: place,
  task,
  state: result === null ? 'waiting' : 'done',
  result,
  error: null,
  madeMs: null,
  durationMs: null,
});

const timed = (context: number): BenchmarkCell['task'] => ({
  kind: 'speed',
  settings: {
    promptTokens: 512,
    newTokens: 128,
    context,
    repetitions: 1,
    batch: 2048,
    ubatch: 512,
    keyType: 'F16',
    valueType: 'F16',
    flashAttention: 'auto',
    threads: 0,
    gpuLayers: 0,
  },
});

const speed = (perSecond: number, memory: number | null, vram: number | null = null): CellResult => ({
  kind: 'speed',
  promptPerSecond: null,
  newPerSecond: { samples: [perSecond], median: perSecond, low: perSecond, high: perSecond, confidence: 0, outliers: [] },
  firstTokenMs: null,
  loadMs: null,
  peakMemoryBytes: memory,
  peakVramBytes: vram,
  joulesPerToken: null,
  backgroundLoad: null,
  threads: null,
});

const prompted: CellResult = {
  kind: 'prompts',
  outputs: [{ prompt: 'Hello', text: 'Hi', stopReason: 'end', tokens: 1, firstTokenMs: null, tokensPerSecond: null }],
};

const run: BenchmarkRun = {
  id: 'r',
  name: 'r',
  request: null,
  preset: 'long',
  targets: [target('a'), target('b'), target('far', 'remote')],
  base: { modelId: 'a', name: 'a' },
  environment: null,
  isImported: false,
  state: 'running',
  jobId: null,
  error: null,
  cells: { total: 7, done: 0, failed: 0 },
  createdMs: 0,
};
const cells = [
  cell(0, 0, timed(0), speed(10, 100, 50)),
  cell(1, 0, timed(2048), speed(4, 200)),
  cell(2, 1, timed(0), speed(30, 60)),
  cell(3, 1, timed(2048), null),
  cell(4, 2, timed(0), speed(90, null)),
  cell(5, 0, { kind: 'prompts' }, prompted),
  cell(6, 1, { kind: 'prompts' }, null),
];

describe('the results of a run', () => {
  test('are a row for each target, under the settings that were chosen', () => {
    expect(settingsOf(cells).map(({ name }) => name)).toEqual(['pp512 tg128', 'pp512 tg128 d2048']);
    const first = rowsOf({ run, cells }, undefined);
    expect(first.map(({ name, isBase, memoryBytes }) => [name, isBase, memoryBytes])).toEqual([
      ['a', true, 150],
      ['b', false, 60],
      ['far', false, null],
    ]);
    const deep = rowsOf({ run, cells }, 'pp512 tg128 d2048');
    expect(deep.map((row) => valueOf(row, 'answer'))).toEqual([4, null, null]);
  });

  test('are held against each other only where speed and memory are known', () => {
    const rows = rowsOf({ run, cells }, undefined);
    expect(variantsOf(rows).map(({ row, tokensPerSecond }) => [row.name, tokensPerSecond])).toEqual([
      ['a', 10],
      ['b', 30],
    ]);
  });

  test('sort by a column, what was not measured last either way', () => {
    const rows = rowsOf({ run, cells }, undefined);
    const names = (isDown: boolean): string[] => sorted(rows, { column: 'memory', isDown }).map(({ name }) => name);
    expect([names(true), names(false)]).toEqual([
      ['a', 'b', 'far'],
      ['b', 'a', 'far'],
    ]);
  });

  test('have every prompt once, with a gap where no answer is there yet', () => {
    expect(answersOf({ run, cells })).toEqual([
      {
        prompt: 'Hello',
        answers: [
          { name: 'a', output: prompted.outputs[0] },
          { name: 'b', output: null },
        ],
      },
    ]);
  });
});

describe('the chart', () => {
  test('tells small losses apart: zero at its foot, the largest within, round ticks in order', () => {
    const { ticks, place } = lossScale([0, 0.0014, 0.031]);
    expect([place(0), ticks[0]]).toEqual([0, 0]);
    expect(place(0.031)).toBeLessThanOrEqual(1);
    expect(place(0.0014)).toBeGreaterThan(0.1);
    expect(ticks).toContain(0.05);
    for (const [index, tick] of ticks.entries()) expect(place(tick)).toBeGreaterThan(index === 0 ? -1 : place(ticks[index - 1] ?? 0));
    expect(lossScale([0]).place(0)).toBe(0);
    expect(lossScale([80]).place(80)).toBe(1);
  });

  test('begins at zero and has room for the fastest', () => {
    const { ticks, place } = linearScale([7.3, 22.1], 5);
    expect([ticks[0], place(0)]).toEqual([0, 0]);
    expect(place(22.1)).toBeLessThanOrEqual(1);
  });

  test('names points by what tells them apart', () => {
    expect(withoutPrefix(['Smol 3B Q8_0', 'Smol 3B Q4_K_M', 'Smol 3B Q4_K_M + tone × 0.8'])).toEqual([
      'Q8_0',
      'Q4_K_M',
      'Q4_K_M + tone × 0.8',
    ]);
    expect(withoutPrefix(['Demo', 'Demo Q8_0'])).toEqual(['Demo', 'Demo Q8_0']);
    expect(withoutPrefix(['Demo'])).toEqual(['Demo']);
    expect(withoutPrefix(['Demo-F16', 'Demo-Q4_0', 'Demo-F16'])).toEqual(['F16', 'Q4_0', 'F16']);
    expect(withoutPrefix([])).toEqual([]);
  });
});

test('an estimate has no more digits than are known', () => {
  expect([100, 12_400, 119_000, 246_000, 5_430_000].map(roundTime)).toEqual([5000, 10_000, 120_000, 240_000, 5_460_000]);
});

test('what is swept is read by the command line’s rules, and what cannot be read is named', () => {
  expect(sweepOf({ context: '512, 2048', threads: ' ', batch: 'many' })).toEqual({ sweep: { context: [512, 2048] }, bad: ['batch'] });
  expect(promptsOf({ promptText: ' One \n\n Two' })).toEqual(['One', 'Two']);
});

test('the chosen variants stand in the address: none of them is not the same as all', () => {
  expect(modelsOf(benchmarkSearch({ models: 'a,b,,a' }))).toEqual(['a', 'b']);
  expect(modelsOf(benchmarkSearch({ models: '' }))).toEqual([]);
  expect(modelsOf(benchmarkSearch({ base: 7 }))).toBeUndefined();
  expect(benchmarkSearch({ run: '', beside: 3, other: 'x' })).toEqual({ beside: '3' });
});
