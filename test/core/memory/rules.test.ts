import { describe, expect, test } from 'vitest';
import { compareInference, compareTraining } from '#core/memory/compare.ts';
import { estimateInference } from '#core/memory/inference.ts';
import {
  adviseInference,
  adviseSaving,
  adviseTraining,
  measuredTuning,
  precisionBytes,
  ruleActivations,
  ruleBreakdown,
  ruleCards,
  ruleCheckpointed,
  ruleFullLeast,
  ruleInference,
  ruleMethod,
  ruleQlora,
  ruleQuantizedFile,
  ruleTraining,
  ruleWeights,
  sizeClass,
} from '#core/memory/rules.ts';
import { estimateTraining } from '#core/memory/training.ts';
import { shapeFromFacts } from '#core/memory/shape-facts.ts';

/** 10⁹ bytes. */
const GB = 1e9;
const B = 1e9;

// Study notes, section 1: "Bytes per parameter" and the table of sizes.
describe('sizes by precision', () => {
  test('are 4, 2, 1 and half a byte for each parameter', () => {
    expect(precisionBytes).toEqual({ fp32: 4, fp16: 2, bf16: 2, fp8: 1, int8: 1, int4: 0.5 });
  });

  test.each([
    { billions: 7, fp32: 28, fp16: 14, int8: 7, int4: 3.5 },
    { billions: 13, fp32: 52, fp16: 26, int8: 13, int4: 6.5 },
    { billions: 65, fp32: 260, fp16: 130, int8: 65, int4: 32.5 },
    { billions: 175, fp32: 700, fp16: 350, int8: 175, int4: 87.5 },
  ])('of $billions B: $fp32, $fp16, $int8 and $int4 GB', ({ billions, ...gigabytes }) => {
    for (const precision of ['fp32', 'fp16', 'int8', 'int4'] as const)
      expect(ruleWeights(billions * B, precision) / GB).toBe(gigabytes[precision]);
  });

  // The notes' fine-tuning table, whose GB are 2^30: FP16 13, 24, 60, 120; 8-bit 7.8, 14.9; 4-bit 3.9, 7.8, 19.5, 38.5.
  test.each([
    { parameters: 6.74 * B, precision: 'fp16', measured: 13 },
    { parameters: 13.02 * B, precision: 'fp16', measured: 24 },
    { parameters: 32.5 * B, precision: 'fp16', measured: 60 },
    { parameters: 65.2 * B, precision: 'fp16', measured: 120 },
  ] as const)('agree with the measured $measured GB of FP16 within 4 %', ({ parameters, precision, measured }) => {
    expect(Math.abs(ruleWeights(parameters, precision) / 2 ** 30 / measured - 1)).toBeLessThan(0.04);
  });

  test.each([
    { billions: 7, precision: 'int8', measured: 7.8 },
    { billions: 13, precision: 'int8', measured: 14.9 },
    { billions: 7, precision: 'int4', measured: 3.9 },
    { billions: 13, precision: 'int4', measured: 7.8 },
    { billions: 33, precision: 'int4', measured: 19.5 },
    { billions: 65, precision: 'int4', measured: 38.5 },
  ] as const)('of a quantized $billions B file in $precision come near the measured $measured GB with k from 1.1 to 1.2', (row) => {
    const file = ruleQuantizedFile(row.billions * B, row.precision);
    expect(file.lowBytes).toBeCloseTo(ruleWeights(row.billions * B, row.precision) * 1.1, 0);
    expect(file.highBytes).toBeCloseTo(ruleWeights(row.billions * B, row.precision) * 1.2, 0);
    // Read as 10⁹ or as 2^30 bytes: one of both is within the range or 8 % of it.
    const readings = [row.measured * GB, row.measured * 2 ** 30];
    expect(readings.some((bytes) => bytes >= file.lowBytes * 0.92 && bytes <= file.highBytes * 1.08)).toBe(true);
  });

  test('name classes: up to 7B a personal computer, 14 to 32B a strong card, 70B and more a server', () => {
    expect([1, 7, 14, 32, 70, 175].map((billions) => sizeClass(billions * B))).toEqual([
      'light',
      'light',
      'medium',
      'medium',
      'heavy',
      'heavy',
    ]);
  });

  // "GPTQ: FP16 to INT4 is 4 : 1; 65B 130 to 32.5 GB. 4 × V100-32G (128 GB) cannot hold 65B in FP16 (130 GB)."
  test('say that four cards of 32 GB do not hold 65B in FP16, and two hold it in INT4', () => {
    expect(ruleWeights(65 * B, 'fp16') / ruleWeights(65 * B, 'int4')).toBe(4);
    expect(ruleCards(65 * B, 'fp16', 32 * GB)).toBe(5);
    expect(ruleCards(65 * B, 'int4', 32 * GB)).toBe(2);
  });
});

// Study notes, section 2.
describe('memory', () => {
  test('of running is 1.2 to 5 times the weights', () => {
    expect(ruleInference(7 * B, 'fp16')).toEqual({ lowBytes: 16.8 * GB, highBytes: 70 * GB });
  });

  test('of training is 12n, about 16n in practice: 84 and 112 GB for 7B', () => {
    expect(ruleTraining(7 * B)).toEqual({ computedBytes: 84 * GB, practiceBytes: 112 * GB });
    expect(ruleFullLeast(7 * B)).toEqual({ lowBytes: 112 * GB, highBytes: 140 * GB });
  });

  test.each([
    { method: 'full', low: 8, high: 15 },
    { method: 'pretraining', low: 12, high: 20 },
    { method: 'lora', low: 1.2, high: 2 },
    { method: 'reinforcement', low: 4, high: 20 },
  ] as const)('of $method training is $low to $high times the size in FP16', ({ method, low, high }) => {
    expect(ruleMethod(7 * B, method).lowBytes / (14 * GB)).toBeCloseTo(low, 9);
    expect(ruleMethod(7 * B, method).highBytes / (14 * GB)).toBeCloseTo(high, 9);
  });

  // "FP32 24 + 24 + 48 + 1.3 = 97.3; FP16 12 + 12 + 24 + 1.3 = 49.3; INT8 6 + 6 + 12 + 1.3 = 25.3 GB"
  test.each([
    { precision: 'fp32', parts: [24, 24, 48, 1.3], total: 97.3 },
    { precision: 'fp16', parts: [12, 12, 24, 1.3], total: 49.3 },
    { precision: 'int8', parts: [6, 6, 12, 1.3], total: 25.3 },
  ] as const)('of LLaMA-6B in $precision is $total GB', ({ precision, parts, total }) => {
    const found = ruleBreakdown(6 * B, precision);
    expect([found.weightBytes, found.gradientBytes, found.optimizerBytes, found.kernelBytes].map((bytes) => bytes / GB)).toEqual(parts);
    expect(found.totalBytes / GB).toBeCloseTo(total, 9);
  });

  // "LLaMA-7B shape (4096, 11008, 2048 tokens, 32 layers, 1 byte): 990 MB per sequence, 49.5 GB for 50."
  test('of activations is (hidden + intermediate) × length × layers', () => {
    const shape = { embeddingLength: 4096, feedForwardLength: 11_008, layerCount: 32 };
    expect(ruleActivations(shape, { length: 2048 }) / 1e6).toBeCloseTo(990, 0);
    expect(ruleActivations(shape, { length: 2048, batch: 50 }) / GB).toBeCloseTo(49.5, 1);
    expect(ruleActivations(shape, { length: 2048, batch: 50, accumulation: 10 }) / GB).toBeCloseTo(4.95, 1);
    expect(ruleCheckpointed(100)).toEqual({ lowBytes: 30, highBytes: 70 });
  });

  test('of a card decides what QLoRA trains at 8k: 20B with 16 GB, 32B with 24 GB', () => {
    expect([8, 16, 24, 80].map((gigabytes) => ruleQlora(gigabytes * GB) / B)).toEqual([0, 20, 32, 32]);
  });

  test.each([
    { billions: 1.5, cards: [16, 24, 40] },
    { billions: 7, cards: [24, 40, 80] },
    { billions: 32, cards: [40, 80, null] },
    { billions: 175, cards: [null, null, null] },
  ])('for running $billions B: cards of $cards GB', ({ billions, cards }) => {
    const found = adviseInference(billions * B);
    expect([found?.leastBytes, found?.recommendedBytes, found?.idealBytes]).toEqual(cards.map((gigabytes) => gigabytes && gigabytes * GB));
  });

  test.each([
    { billions: 7, least: [2, 40], recommended: 4, ideal: 8 },
    { billions: 13, least: [4, 80], recommended: 8, ideal: 16 },
    { billions: 65, least: [8, 80], recommended: 16, ideal: 32 },
    { billions: 175, least: [16, 80], recommended: 32, ideal: 64 },
  ])(
    'for training $billions B: $least.0 cards at least, $recommended recommended, $ideal at best',
    ({ billions, least, recommended, ideal }) => {
      const found = adviseTraining(billions * B);
      expect([found?.least.count, (found?.least.cardBytes ?? 0) / GB]).toEqual(least);
      expect([found?.recommended.count, found?.ideal.count]).toEqual([recommended, ideal]);
      expect(adviseTraining(1000 * B)).toBeUndefined();
    },
  );

  test.each([
    { billions: 7, accumulation: [4, 8], segments: [2, 4], gigabytes: [24, 32] },
    { billions: 13, accumulation: [8, 16], segments: [3, 6], gigabytes: [48, 64] },
    { billions: 65, accumulation: [16, 32], segments: [4, 8], gigabytes: [640, 640] },
  ])('is saved for $billions B', ({ billions, accumulation, segments, gigabytes }) => {
    expect(adviseSaving(billions * B)).toMatchObject({ accumulation, segments, memoryBytes: gigabytes.map((size) => size * GB) });
  });

  test('of tuning a 6B model was measured', () => {
    const find = (method: string, precision: string) =>
      measuredTuning.filter((row) => row.method === method && row.precision === precision).map(({ bytes }) => bytes / GB);
    expect(find('lora', 'fp16')).toEqual([28, 24, 20]);
    expect([...find('lora', 'int8'), ...find('lora', 'int4')]).toEqual([10, 8]);
    expect(['fp16', 'int8', 'int4'].flatMap((precision) => find('ptuning', precision))).toEqual([20, 16, 12]);
    expect(['fp16', 'int8'].flatMap((precision) => find('freeze', precision))).toEqual([24, 12]);
  });

  test.each([Number.NaN, 0, -7e9, Number.POSITIVE_INFINITY])('of %s parameters is nothing', (parameters) => {
    expect(ruleWeights(parameters, 'fp16')).toBe(0);
    expect(ruleTraining(parameters).practiceBytes).toBe(0);
    expect(ruleInference(parameters, 'int4')).toEqual({ lowBytes: 0, highBytes: 0 });
  });
});

describe('both answers side by side', () => {
  const facts = {
    architecture: 'llama',
    parameterCount: 6_738_415_616,
    layerCount: 32,
    embeddingLength: 4096,
    feedForwardLength: 11_008,
    headCount: 32,
    headCountKv: 32,
    vocabularySize: 32_000,
    tiedEmbeddings: false,
  };

  test('agree for a model without grouped heads, and say what makes the difference', () => {
    const estimate = estimateInference({ facts, sizeBytes: 2 * 6_738_415_616 }, { contextLength: 8192 });
    const found = compareInference(estimate, 7 * B, 'fp16');
    expect(found.agrees).toBe(true);
    expect(found.factor).toBeCloseTo(estimate.totalBytes / (14 * GB), 9);
    // The cache of 8,192 tokens: 2 × 32 layers × 4096 × 2 bytes for each.
    expect(found.differences[0]).toEqual({ kind: 'cache', ruleBytes: null, exactBytes: 2 * 32 * 4096 * 2 * 8192 });
    expect(found.differences.find(({ kind }) => kind === 'weights')?.ruleBytes).toBe(14 * GB);
  });

  test('disagree where a short context needs no factor of 1.2', () => {
    const estimate = estimateInference({ facts: { ...facts, headCountKv: 4 }, sizeBytes: 2 * 6_738_415_616 }, { contextLength: 512 });
    expect(compareInference(estimate, 7 * B, 'fp16')).toMatchObject({ agrees: false });
  });

  test('agree on full training of 7B: 12 to 16 bytes for each parameter and what is beside them', () => {
    const shape = shapeFromFacts(facts, 2 * 6_738_415_616);
    const full = estimateTraining(shape, { method: 'full', masterWeights: true, checkpointing: true });
    expect(compareTraining(full, 6_738_415_616, 'full').agrees).toBe(true);
    expect(
      full.amounts
        .filter(({ kind }) => ['weights', 'gradients', 'optimizer', 'master'].includes(kind))
        .reduce((sum, { bytes }) => sum + bytes, 0),
    ).toBe(16 * 6_738_415_616);
  });
});
