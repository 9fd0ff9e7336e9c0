import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { GgmlTypeName } from '#core/gguf/types.ts';
import { loadNative, type Native } from '#engine/native.ts';
import type { TrainerOptions, TrainRow } from '#engine/native-train.ts';
import { normal, writeFamilyModel, type FamilyModel } from './family-models.ts';

const sentence = 'The quick brown fox jumps over the lazy dog, and 0123456789 geese fly. ';
const WINDOW = 64;
/** Several tiles of queries. */
const LONG_WINDOW = 256;

let native: Native;
let folder: string;
beforeAll(async () => {
  native = loadNative();
  folder = await mkdtemp(join(tmpdir(), 'train-'));
});

/** Rows as llama-perplexity cuts a text: BOS first, the second half of each window scored. */
async function windows(modelPath: string, size: number, text: string): Promise<TrainRow[]> {
  const all = await native.tokenize({ modelPath, text, addSpecial: true });
  return Array.from({ length: Math.floor(all.length / size) }, (_, window) => {
    const tokens = Int32Array.from(all.slice(window * size, (window + 1) * size));
    tokens[0] = 1;
    const labels = new Int32Array(size).fill(-1);
    for (let t = size / 2; t < size - 1; t++) labels[t] = tokens[t + 1] ?? -1;
    const positions = Int32Array.from({ length: size }, (_, place) => place);
    return { tokens, positions, segments: new Int32Array(size), labels, weights: new Float32Array(size).fill(1) };
  });
}

/**
 * The loss without adapters, and for some directions the slope of the loss along them: by finite differences, and as the product
 * with the gradient, which a step of SGD with rate 1 tells.
 */
async function check(model: FamilyModel, { size = WINDOW, ...options }: Partial<TrainerOptions> & { readonly size?: number } = {}) {
  const text = sentence.repeat(size === WINDOW ? 3 : 8);
  const modelPath = join(folder, `${model.family}-${model.type ?? 'F32'}.gguf`);
  const family = await writeFamilyModel(native, modelPath, model);
  const modules = family.linears.flatMap((part) =>
    Array.from({ length: family.layers }, (_, layer) => ({ tensor: `blk.${layer}.${part}.weight`, rank: 4, scale: 0.7 })),
  );
  const trainer = await native.openTrainer({ modelPath, family, device: 'CPU', threads: 2, maxTokens: size, modules, ...options });
  const rows = await windows(modelPath, size, text);
  const sums = { loss: 0, weight: 0 };
  for (const row of rows) {
    const { lossSum, weightSum } = await trainer.evaluate(row);
    sums.loss += lossSum;
    sums.weight += weightSum;
  }
  const state = trainer.readState();
  const next = normal(3);
  const at = Float32Array.from(state.parameters);
  const eachOf = (filter: string, change: (index: number, name: string) => void): void => {
    for (const { name, shape, offset } of trainer.tensors)
      if (name.includes(filter)) for (let i = 0; i < shape.reduce((a, b) => a * b, 1); i++) change(offset + i, name);
  };
  eachOf('lora_a', (index) => (at[index] = next() / 8));
  eachOf('lora_b', (index) => (at[index] = next() / 5));
  const [row] = rows;
  if (row === undefined) throw new Error('no window');
  const lossAt = async (step: number, direction: Float32Array): Promise<number> => {
    trainer.writeState({ ...state, parameters: at.map((value, index) => value + step * (direction[index] ?? 0)) });
    const { lossSum, weightSum } = await trainer.evaluate(row);
    return lossSum / weightSum;
  };
  trainer.writeState({ ...state, parameters: at });
  const { weightSum } = await trainer.accumulate(row);
  await trainer.update({ optimizer: 'sgd', learningRate: 1, gradientScale: 1 / weightSum });
  const after = trainer.readState().parameters;
  const slopes: { readonly of: string; readonly byGradient: number; readonly byDifference: number }[] = [];
  for (const filter of ['attn', 'ffn', 'lora_a', 'lora_b', '']) {
    const direction = new Float32Array(at.length);
    eachOf(filter, (index) => (direction[index] = next()));
    const length = Math.hypot(...direction);
    const step = 0.05 / length;
    let byGradient = 0;
    for (const [index, value] of at.entries()) byGradient += ((direction[index] ?? 0) * (value - (after[index] ?? 0))) / length;
    const byDifference = ((await lossAt(step, direction)) - (await lossAt(-step, direction))) / (2 * step * length);
    slopes.push({ of: filter, byGradient, byDifference });
  }
  trainer.close();
  const { nll } = await native.perplexity({ modelPath, text, contextLength: size, threads: 2 });
  return { loss: sums.loss / sums.weight, nll, slopes };
}

/** Slopes of a loss in float32 are known to about this: the study's finite differences had the same spread. */
const SLOPE_BOUND = 2e-3;
function expectSlopes(slopes: Awaited<ReturnType<typeof check>>['slopes']): void {
  for (const { of, byGradient, byDifference } of slopes)
    expect(Math.abs(byGradient - byDifference), `slope along ${of === '' ? 'all' : of}`).toBeLessThan(
      SLOPE_BOUND * Math.max(0.1, Math.abs(byDifference)),
    );
}

const families: readonly (readonly [string, FamilyModel])[] = [
  ['llama', { family: 'llama' }],
  ['llama with tied embeddings', { family: 'llama', tied: true }],
  [
    'llama 3 scaled frequencies',
    {
      family: 'llama',
      more: {
        rope_scaling: { rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 64 },
      },
    },
  ],
  ['linearly scaled positions', { family: 'llama', more: { rope_scaling: { rope_type: 'linear', factor: 4 } } }],
  ['YaRN', { family: 'qwen2', more: { rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 64 } } }],
  ['mistral', { family: 'mistral' }],
  ['smollm3, with layers that do not turn', { family: 'smollm3', layers: 5 }],
  ['qwen2, with biases', { family: 'qwen2' }],
  ['qwen3, with norms of heads', { family: 'qwen3' }],
  ['gemma', { family: 'gemma', tied: true }],
  [
    'gemma2, with caps and windows',
    { family: 'gemma2', tied: true, layers: 4, more: { sliding_window: 16, attn_logit_softcapping: 5, final_logit_softcapping: 3 } },
  ],
  ['gemma3, with two kinds of layers', { family: 'gemma3', tied: true, layers: 6, more: { sliding_window: 16 } }],
  ['phi3, with fused projections', { family: 'phi3' }],
];

describe('every family that can be trained', () => {
  it.each(families)('%s: the loss is llama.cpp’s, and the gradient is the slope of the loss', async (_, model) => {
    const { loss, nll, slopes } = await check(model);
    // llama.cpp keeps keys and values in half precision.
    expect(Math.abs(loss - nll)).toBeLessThan(1e-3 * Math.max(1, nll / 10));
    expectSlopes(slopes);
  });
});

describe('long rows', () => {
  it.each<readonly [string, FamilyModel]>([
    ['llama', { family: 'llama' }],
    [
      'gemma2, with caps and windows',
      { family: 'gemma2', tied: true, layers: 2, more: { sliding_window: 150, attn_logit_softcapping: 5, final_logit_softcapping: 3 } },
    ],
  ])('%s: the loss is llama.cpp’s, and the gradient is the slope of the loss', async (_, model) => {
    const { loss, nll, slopes } = await check(model, { size: LONG_WINDOW });
    expect(Math.abs(loss - nll)).toBeLessThan(1e-3 * Math.max(1, nll / 10));
    expectSlopes(slopes);
  });
});

describe('every type of weights', () => {
  const types: readonly GgmlTypeName[] = ['F16', 'BF16', 'Q8_0', 'Q4_0', 'Q4_K', 'Q6_K', 'IQ4_NL'];
  it.each(types)('%s: the gradient is that of the weights as they are', async (type) => {
    const { loss, nll, slopes } = await check({ family: 'llama', type, embedding: 256, feedForward: 256 });
    // llama.cpp multiplies packed weights with inputs rounded to eight bits; here both are float32.
    expect(Math.abs(loss - nll)).toBeLessThan(0.02);
    expectSlopes(slopes);
  });
});

describe('ways to save memory', () => {
  it.each([
    ['layers that keep what they computed', { checkpointing: false }],
    ['weights that are read layer by layer', { streaming: true }],
    ['one thread', { threads: 1 }],
  ] as const)('%s: the same bits', async (_, options) => {
    const plain = await check({ family: 'qwen3' });
    expect(await check({ family: 'qwen3' }, options)).toEqual(plain);
  });
});
