import { describe, expect, test } from 'vitest';
import { GiB, MiB } from '#core/bytes.ts';
import { estimateInference, type AmountKind, type InferenceEstimate } from '#core/memory/inference.ts';

const bytesOf = (estimate: InferenceEstimate, kind: AmountKind): number =>
  estimate.amounts.find((amount) => amount.kind === kind)?.bytes ?? 0;

/** Llama 3.1 8B as its GGUF header states it. */
const llama8b = {
  architecture: 'llama',
  parameterCount: 8_030_261_248,
  layerCount: 32,
  embeddingLength: 4096,
  feedForwardLength: 14_336,
  headCount: 32,
  headCountKv: 8,
  headDimension: 128,
  valueLength: 128,
  vocabularySize: 128_256,
  contextLength: 131_072,
  tiedEmbeddings: false,
};
const model = { facts: llama8b, sizeBytes: 4_920_734_272 };

describe('an estimate from the library’s facts', () => {
  // 2 (keys and values) × 32 layers × 8 heads × 128 × 2 bytes = 128 KiB for each token: llama.cpp logs "512.00 MiB" for 4,096.
  test('counts the cache of grouped heads', () => {
    expect(bytesOf(estimateInference(model, { contextLength: 4096 }), 'cache')).toBe(512 * MiB);
    expect(bytesOf(estimateInference(model, { contextLength: 8192 }), 'cache')).toBe(GiB);
    // 34 bytes in place of 64 for each block of 32.
    expect(bytesOf(estimateInference(model, { contextLength: 4096, keyType: 'Q8_0', valueType: 'Q8_0' }), 'cache')).toBe(272 * MiB);
  });

  test('takes the weights as the files have them', () => {
    expect(bytesOf(estimateInference(model), 'weights')).toBeCloseTo(model.sizeBytes, 0);
  });

  // More parameters than 32 bits count: 128,256 × 4,096 of 70 billion are 0.7 % of the file.
  test('finds the share of the embedding in a large model', () => {
    const large = { facts: { ...llama8b, parameterCount: 70e9 }, sizeBytes: 40e9 };
    const [processor] = estimateInference(large, { gpuLayers: 33 }).devices;
    expect(processor?.amounts.find(({ kind }) => kind === 'weights')?.bytes).toBeCloseTo((40e9 * 128_256 * 4096) / 70e9, 0);
  });

  test('gives every sequence a cache', () => {
    expect(bytesOf(estimateInference(model, { contextLength: 4096, sequences: 4 }), 'cache')).toBe(2 * GiB);
  });

  test('is sure of what the file says, and says what is guessed where it says nothing', () => {
    expect(estimateInference(model)).toMatchObject({ confidence: 'high', guessed: ['weightPlacement'], problems: [] });
    const bare = estimateInference({ facts: {}, sizeBytes: 4 * GiB });
    expect(bare.confidence).toBe('low');
    expect(bare.guessed).toContain('layerCount');
    expect(bare.highBytes).toBeGreaterThan(bare.totalBytes);
    expect(bare.lowBytes).toBeLessThan(bare.totalBytes);
  });

  test.each([
    ['no facts and no file', {}, 0],
    ['a size that is no number', {}, Number.NaN],
    ['an endless file', {}, Number.POSITIVE_INFINITY],
    ['absurd counts', { layerCount: 1e300, embeddingLength: 1e300, headCount: 0, vocabularySize: -1, expertCount: Number.NaN }, 1e300],
    ['a head that is nothing', { ...llama8b, headCountKv: 0, headDimension: Number.NaN }, 1],
  ])('is finite for %s', (_, facts, sizeBytes) => {
    for (const contextLength of [Number.NaN, 0, -1, 1, 4096, 1e300, Number.POSITIVE_INFINITY]) {
      const estimate = estimateInference({ facts, sizeBytes }, { contextLength });
      const numbers = [estimate.totalBytes, estimate.lowBytes, estimate.highBytes, ...estimate.amounts.map(({ bytes }) => bytes)];
      expect(numbers.every((value) => Number.isFinite(value) && value >= 0)).toBe(true);
    }
  });

  test('names settings that cannot be, and what it reckons with', () => {
    const { problems, settings } = estimateInference(model, { contextLength: Number.NaN, gpuLayers: -1, sequences: 1000 });
    expect(problems).toEqual([
      { kind: 'tooLarge', setting: 'sequences', given: 1000, used: 256 },
      { kind: 'notANumber', setting: 'contextLength', given: null, used: 4096 },
      { kind: 'tooSmall', setting: 'gpuLayers', given: -1, used: 0 },
    ]);
    expect(settings).toMatchObject({ contextLength: 4096, gpuLayers: 0, sequences: 256 });
    expect(estimateInference(model, { contextLength: 200_000 }).problems).toEqual([
      { kind: 'beyondTrainedContext', setting: 'contextLength', given: 200_000, used: 200_000 },
    ]);
    expect(estimateInference(model, { flashAttention: false, valueType: 'Q8_0' }).problems).toMatchObject([
      { kind: 'needsFlashAttention' },
    ]);
  });
});
