import { join } from 'node:path';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadNative } from '#engine/native.ts';
import type { SpeedOptions } from '#engine/native-speed.ts';
import { errorOf } from '#test/expect-error.ts';
import { writeGeneratedModel } from '#test/engine/generated-model.ts';

const native = loadNative();
const modelPath = join(mkdtempSync(join(tmpdir(), 'lathe speed 速度 ')), 'model.gguf');
beforeAll(() => writeGeneratedModel(modelPath, { layers: 2, embedding: 128, contextLength: 256, seed: 3 }));

const measure = (own: Partial<SpeedOptions> = {}) =>
  native.measureSpeed({ modelPath, promptTokens: 64, newTokens: 8, repetitions: 3, threads: 1, ...own });

test('every repetition of what is asked for is timed, the warm-up not, and nothing else', async () => {
  const steps: [number, number][] = [];
  const both = await measure({ onProgress: (done, total) => steps.push([done, total]) });
  expect([both.promptSeconds.length, both.newSeconds.length]).toEqual([3, 3]);
  for (const seconds of [both.loadSeconds, ...both.promptSeconds, ...both.newSeconds]) expect(seconds).toBeGreaterThan(0);
  expect(steps.at(-1)).toEqual([6, 6]);
  const reading = await measure({ newTokens: 0, repetitions: 1 });
  expect([reading.promptSeconds.length, reading.newSeconds.length]).toEqual([1, 0]);
  const writing = await measure({ promptTokens: 0, repetitions: 2 });
  expect([writing.promptSeconds.length, writing.newSeconds.length]).toEqual([0, 2]);
});

test('more tokens take more time: the work is done, not only asked for', async () => {
  const [few, many] = [await measure({ promptTokens: 8, newTokens: 2 }), await measure({ promptTokens: 256, newTokens: 128 })];
  const least = (seconds: Float64Array): number => Math.min(...seconds);
  // 32 and 64 times the work; the least of three is hardly moved by a busy machine.
  expect(least(many.promptSeconds)).toBeGreaterThan(2 * least(few.promptSeconds));
  expect(least(many.newSeconds)).toBeGreaterThan(4 * least(few.newSeconds));
});

test.for<Partial<SpeedOptions>>([
  { batch: 16, ubatch: 8 },
  { batch: 8, ubatch: 512 },
  { depth: 100 },
  { flashAttention: 'off' },
  { flashAttention: 'on', keyType: 'Q8_0', valueType: 'Q8_0' },
  { keyType: 'F32', valueType: 'BF16' },
  { threads: 2 },
])('measures with %j', async (own) => {
  const { promptSeconds, newSeconds } = await measure({ repetitions: 1, ...own });
  expect([promptSeconds.length, newSeconds.length]).toEqual([1, 1]);
});

describe('refuses', () => {
  test('more tokens than the model was made for', async () => {
    expect(await errorOf(measure({ depth: 200 }))).toMatchObject({
      code: 'evaluate.contextLength',
      params: { contextLength: 264, limit: 256 },
    });
  });

  test('values of few bits without flash attention', async () => {
    expect(await errorOf(measure({ flashAttention: 'off', valueType: 'Q4_0' }))).toMatchObject({
      code: 'evaluate.quantizedValues',
      params: { type: 'q4_0' },
    });
  });

  test('a file that is no model, and adapters that are none', async () => {
    expect((await errorOf(measure({ modelPath: import.meta.filename }))).code).toBe('engine.loadFailed');
    const adapters = [{ path: import.meta.filename, scale: 1 }];
    expect((await errorOf(measure({ adapters }))).code).toBe('engine.loadFailed');
  });
});

test('ends when it is cancelled', async () => {
  const stop = new AbortController();
  const job = measure({ repetitions: 1_000_000, signal: stop.signal, onProgress: (done) => done > 2 && stop.abort() });
  expect((await errorOf(job)).code).toBe('request.cancelled');
});
