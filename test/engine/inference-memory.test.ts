import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { estimateShape } from '#core/memory/inference.ts';
import type { InferenceSettings } from '#core/memory/settings.ts';
import type { Allocated } from '#contract/memory.ts';
import { useInference } from './inference-client.ts';
import { memoryModels, writeMemoryModel } from './memory-models.ts';

/** What the engine tells of its memory after a load, against what was told before it. */

const { inference } = useInference();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lathe memory '));
});
afterAll(() => rm(folder, { recursive: true }));

interface Case {
  readonly model: string;
  readonly contextLength: number;
  readonly cacheType: 'F16' | 'Q8_0';
  readonly flashAttention: boolean;
}

const cases: readonly Case[] = [
  { model: 'grouped', contextLength: 4096, cacheType: 'F16', flashAttention: true },
  { model: 'grouped', contextLength: 2048, cacheType: 'F16', flashAttention: false },
  { model: 'qwen2', contextLength: 4096, cacheType: 'Q8_0', flashAttention: true },
  { model: 'sliding window', contextLength: 8192, cacheType: 'F16', flashAttention: true },
  { model: 'recurrent', contextLength: 1024, cacheType: 'F16', flashAttention: true },
  { model: 'experts', contextLength: 1024, cacheType: 'F16', flashAttention: true },
];

async function load(modelPath: string, { contextLength, cacheType, flashAttention }: Omit<Case, 'model'>): Promise<Allocated | null> {
  const client = await inference();
  const request = { modelPath, contextLength, cacheType, flashAttention, gpuLayers: 0, threads: 1 };
  for await (const event of client.load(request)) if (event.type === 'ready') return event.allocated;
  throw new Error('the load ended without being ready');
}

test.each(cases)('a load of $model with $contextLength tokens in $cacheType takes what was told before', async ({ model, ...settings }) => {
  const path = join(folder, `${model}.gguf`);
  const found = memoryModels.find(({ name }) => name === model);
  if (found === undefined) throw new Error(`no model ${model}`);
  await writeMemoryModel(path, found);
  const allocated = await load(path, settings);
  const { shape } = await (await inference()).shape({ modelPath: path });
  const { contextLength, cacheType, flashAttention } = settings;
  const given: InferenceSettings = { contextLength, keyType: cacheType, valueType: cacheType, flashAttention };
  const { amounts } = estimateShape(shape, given);
  for (const [part, bytes] of Object.entries(allocated?.processor ?? {})) {
    const told = amounts.find(({ kind }) => kind === part)?.bytes ?? 0;
    // llama.cpp tells hundredths of a MiB.
    expect(Math.abs(bytes - told), `${part}: ${bytes} and ${told}`).toBeLessThan(0.01 * bytes + 11_000);
  }
  expect(allocated?.cards).toEqual([]);
  expect(allocated?.mappedBytes).toBe(allocated?.processor.weights);
});

test('another context on the same weights is told anew, and the weights still count', async () => {
  const path = join(folder, 'grouped.gguf');
  const short = await load(path, { contextLength: 512, cacheType: 'F16', flashAttention: true });
  const long = await load(path, { contextLength: 1024, cacheType: 'F16', flashAttention: true });
  expect(long?.processor.weights).toBe(short?.processor.weights);
  expect(long?.processor.cache).toBe(2 * (short?.processor.cache ?? 0));
});
