import { describe, expect, test } from 'vitest';
import { adapterParameters, parameterCount } from '#core/memory/matrices.ts';
import { shapeFromFacts } from '#core/memory/shape-facts.ts';
import { estimateTraining, type TrainingEstimate, type TrainingKind, type TrainingSettings } from '#core/memory/training.ts';

const llama = (facts: object, sizeBytes: number) => shapeFromFacts({ architecture: 'llama', tiedEmbeddings: false, ...facts }, sizeBytes);
const llama8b = llama(
  {
    layerCount: 32,
    embeddingLength: 4096,
    feedForwardLength: 14_336,
    headCount: 32,
    headCountKv: 8,
    vocabularySize: 128_256,
    parameterCount: 8_030_261_248,
  },
  4.9e9,
);
const llama7b = llama(
  {
    layerCount: 32,
    embeddingLength: 4096,
    feedForwardLength: 11_008,
    headCount: 32,
    headCountKv: 32,
    vocabularySize: 32_000,
    parameterCount: 6_738_415_616,
  },
  3.9e9,
);

const bytesOf = (estimate: TrainingEstimate, kind: TrainingKind): number =>
  estimate.amounts.find((amount) => amount.kind === kind)?.bytes ?? 0;
const train = (settings: Partial<TrainingSettings>): TrainingEstimate => estimateTraining(llama8b, { method: 'full', ...settings });

describe('parameters', () => {
  // As Hugging Face counts them for meta-llama/Llama-3.1-8B and llama-7b.
  test('are counted from the shape', () => {
    expect(parameterCount(llama8b)).toBe(8_030_261_248);
    expect(parameterCount(llama7b)).toBe(6_738_415_616);
  });

  // PEFT prints "trainable params: 41,943,040" for Llama 3 8B with r = 16 on all linear layers, 4,194,304 for LLaMA 7B with r = 8 on q and v.
  test('of adapters are r × (inputs + outputs)', () => {
    expect(adapterParameters(llama8b, 16, ['q', 'k', 'v', 'o', 'gate', 'up', 'down'])).toBe(41_943_040);
    expect(adapterParameters(llama7b, 8, ['q', 'v'])).toBe(4_194_304);
  });

  // Study notes, section 4: "r = 8 on the fused qkv of a 6B model is about 15 MB", in F32: 28 layers of 4096 to 3 × 4096.
  test('of r = 8 on the queries, keys and values of a 6B model take about 15 MB', () => {
    const fused = 28 * 8 * (4096 + 3 * 4096) * 4;
    expect(fused / 1e6).toBeCloseTo(14.7, 1);
    // Three matrices of their own take a little more: each has its own A.
    const glm = llama(
      { layerCount: 28, embeddingLength: 4096, feedForwardLength: 16_384, headCount: 32, headCountKv: 32, vocabularySize: 130_528 },
      12e9,
    );
    expect((adapterParameters(glm, 8, ['q', 'k', 'v']) * 4) / 1e6).toBeCloseTo(22, 0);
  });
});

describe('training', () => {
  test('of all weights holds weights, gradients and two moments: 12 bytes for each, 16 with an F32 copy', () => {
    const parameters = 8_030_261_248;
    const plain = train({});
    expect(bytesOf(plain, 'weights') + bytesOf(plain, 'gradients') + bytesOf(plain, 'optimizer')).toBe(12 * parameters);
    expect(bytesOf(train({ masterWeights: true }), 'master')).toBe(4 * parameters);
  });

  // Study notes, section 2: "CUDA kernels about 1.3 GB fixed (1,343 MB measured)".
  test('with PyTorch takes 1,343 MB for kernels, whatever the model', () => {
    expect(bytesOf(train({}), 'program')).toBe(1343 * 1024 ** 2);
  });

  test.each([
    ['adamw', 8],
    ['adamw8bit', 2 + 8 / 2048],
    ['sgd', 0],
    ['sgdMomentum', 4],
  ] as const)('with %s keeps %d bytes for each parameter', (optimizer, bytes) => {
    expect(bytesOf(train({ optimizer }), 'optimizer')).toBeCloseTo(bytes * 8_030_261_248, 0);
  });

  test('of adapters leaves the base as it is: in 16 bits, or as the file has it', () => {
    const lora = train({ method: 'lora', rank: 16 });
    expect(bytesOf(lora, 'weights')).toBe(2 * 8_030_261_248);
    expect(bytesOf(lora, 'optimizer')).toBe(8 * 41_943_040);
    expect(bytesOf(train({ method: 'qlora' }), 'weights')).toBeCloseTo(4.9e9, 0);
  });

  test('keeps less with checkpoints, and as much at a time as a part of the batch needs', () => {
    const whole = bytesOf(train({ batch: 8 }), 'activations');
    expect(bytesOf(train({ batch: 8, checkpointing: true }), 'activations')).toBeLessThan(whole / 4);
    expect(bytesOf(train({ batch: 8, accumulation: 8 }), 'activations')).toBe(whole / 8);
    expect(train({ batch: 8, accumulation: 3 }).microBatch).toBe(3);
    expect(bytesOf(train({ flashAttention: false }), 'activations')).toBeGreaterThan(bytesOf(train({}), 'activations'));
  });

  // Korthikanti et al. 2022, equation 2, without the scores: s·b·h·34 bytes in 16 bits for 4h-wide networks with dropout;
  // without its two masks of attention and network and with 16-bit softmax inputs it is 32 s·b·h; here 2 × (4h + 3h + h + 2·4h) = 32.
  test('keeps 32 bytes for each number of a plain layer', () => {
    const gpt = shapeFromFacts(
      {
        architecture: 'gpt2',
        layerCount: 1,
        embeddingLength: 1024,
        feedForwardLength: 4096,
        headCount: 16,
        headCountKv: 16,
        vocabularySize: 50_257,
      },
      1e9,
    );
    expect(bytesOf(estimateTraining(gpt, { method: 'full', length: 1024 }), 'activations')).toBe(32 * 1024 * 1024);
  });

  // The trainer's own worked example: 8B, T = 2048, r = 16, Q4_K_M of 4.9 GB: 0.67 for LoRA's state, 1.17 for what goes into
  // the layers, 0.8 to 1.0 for a layer's graph, 0.47 for two matrices, 0.3 for the head: about 8.5 GB.
  test('layer by layer, as Lathe does it, takes about 8.5 GB for 8B', () => {
    const found = train({ method: 'qlora', trainer: 'lathe', rank: 16, length: 2048 });
    expect((bytesOf(found, 'adapters') + bytesOf(found, 'gradients') + bytesOf(found, 'optimizer')) / 1e9).toBeCloseTo(0.67, 2);
    expect(bytesOf(found, 'activations') / 1e9).toBeCloseTo(1.17 + 0.02, 1);
    expect(bytesOf(found, 'workspace') / 1e9).toBeGreaterThan(0.8 + 0.47);
    expect(bytesOf(found, 'workspace') / 1e9).toBeLessThan(1.5 + 0.47);
    expect(found.totalBytes / 1e9).toBeGreaterThan(8);
    expect(found.totalBytes / 1e9).toBeLessThan(9.3);
  });

  // parameters.h: values, gradients and both moments of all weights in F32.
  test('of all weights by Lathe keeps 16 bytes for each, with any optimizer', () => {
    for (const optimizer of ['adamw', 'sgd'] as const) {
      const found = train({ trainer: 'lathe', optimizer, masterWeights: true });
      expect(found.problems).toEqual([]);
      expect(bytesOf(found, 'weights') + bytesOf(found, 'gradients') + bytesOf(found, 'optimizer')).toBe(16 * 8_030_261_248);
      expect(bytesOf(found, 'master') + bytesOf(found, 'program')).toBe(0);
    }
  });

  // Study notes, section 2: QLoRA at 8k context on 24 GB trains up to 32B.
  test('of a 32B model in 4 bits fits 24 GB at a context of 8k with checkpoints and a loss in parts', () => {
    const shape = llama(
      {
        layerCount: 64,
        embeddingLength: 5120,
        feedForwardLength: 27_648,
        headCount: 40,
        headCountKv: 8,
        vocabularySize: 152_064,
        headDimension: 128,
      },
      0.53 * 32.5e9,
    );
    const settings = { method: 'qlora', optimizer: 'adamw8bit', checkpointing: true, length: 8192, rank: 8, targets: ['q', 'v'] } as const;
    expect(estimateTraining(shape, { ...settings, logitTokens: 1024 }).lowBytes).toBeLessThan(24 * 2 ** 30);
    // Logits of 152,064 numbers for each token, all at once, take the rest of the card.
    expect(estimateTraining(shape, settings).lowBytes).toBeGreaterThan(24 * 2 ** 30);
  });

  test('with settings that cannot be is finite, and says so', () => {
    const found = train({ length: Number.NaN, batch: -1, rank: 1e300 });
    expect(found.problems.map(({ kind, setting }) => [kind, setting])).toEqual([
      ['notANumber', 'length'],
      ['tooSmall', 'batch'],
      ['tooLarge', 'rank'],
    ]);
    for (const facts of [{}, { layerCount: 1e300, embeddingLength: -1 }])
      expect(Number.isFinite(estimateTraining(shapeFromFacts(facts, Number.NaN), { method: 'lora' }).totalBytes)).toBe(true);
  });
});
