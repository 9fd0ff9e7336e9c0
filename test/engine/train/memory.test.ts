import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readGguf } from '#core/gguf/read.ts';
import { shapeFromGguf } from '#core/memory/shape-gguf.ts';
import { runMemory } from '#core/training/run-memory.ts';
import { defaultSettings, type TrainingSettings } from '#core/training/settings.ts';
import { openFileSource } from '#engine/file-source.ts';
import { loadNative } from '#engine/native.ts';
import { trainedParts } from '#engine/trainer/base.ts';
import { writeFamilyModel } from './family-models.ts';

/** What the setup tells of a run's memory, held against what the trainer allocates for it. */

const LENGTH = 256;

test.for<Partial<TrainingSettings>>([
  {},
  { r: 4, target_modules: ['q_proj', 'down_proj'] },
  { gradient_checkpointing: false },
  { weight_streaming: true },
  { use_peft: false },
  { modules_to_save: ['embed_tokens'] },
  { per_device_train_batch_size: 2 },
])('the estimate holds what the trainer takes with %o', async (given) => {
  const tokenCount = LENGTH * (given.per_device_train_batch_size ?? 1);
  const native = loadNative();
  const modelPath = join(await mkdtemp(join(tmpdir(), 'lathe-memory-')), 'model.gguf');
  const family = await writeFamilyModel(native, modelPath, {
    family: 'llama',
    layers: 4,
    embedding: 256,
    feedForward: 768,
    heads: 8,
    kvHeads: 4,
  });
  const settings = { ...defaultSettings, per_device_train_batch_size: 1, gradient_accumulation_steps: 1, ...given };
  await using source = await openFileSource(modelPath);
  const header = await readGguf(source);
  const { modules, whole } = trainedParts(header, settings);
  const trainer = await native.openTrainer({
    modelPath,
    family,
    device: 'CPU',
    threads: 1,
    maxTokens: tokenCount,
    modules: modules.map(({ tensor, rank, scale }) => ({ tensor, rank, scale })),
    whole,
    checkpointing: settings.gradient_checkpointing,
    streaming: settings.weight_streaming,
  });
  const tokens = Int32Array.from({ length: tokenCount }, (_, place) => place % LENGTH);
  await trainer.accumulate({
    tokens,
    positions: tokens,
    segments: Int32Array.from({ length: tokenCount }, (_, place) => Math.floor(place / LENGTH)),
    labels: tokens,
    weights: new Float32Array(tokenCount).fill(1),
  });
  const taken = trainer.memory();
  trainer.close();
  const estimate = runMemory(shapeFromGguf(header), settings, LENGTH);
  const of = (...kinds: string[]): number =>
    estimate.amounts.filter(({ kind }) => kinds.includes(kind)).reduce((sum, { bytes }) => sum + bytes, 0);
  const isNear = (bytes: number, measured: number): void => expect(Math.abs(bytes - measured)).toBeLessThan(0.03 * measured + 4096);
  isNear(of('weights'), taken.weights);
  isNear(of('adapters', 'gradients', 'optimizer'), taken.parameters);
  isNear(of('activations'), taken.states);
  const all = taken.weights + taken.parameters + taken.states + taken.graphs;
  expect(all).toBeGreaterThan(estimate.lowBytes);
  expect(all).toBeLessThan(estimate.highBytes);
});
