import { describe, expect, test } from 'vitest';
import { MiB } from '#core/bytes.ts';
import {
  estimateCalibration,
  estimateConversion,
  estimateMerge,
  estimateQuantization,
  type JobAmountKind,
  type JobEstimate,
} from '#core/memory/jobs.ts';
import { shapeFromFacts } from '#core/memory/shape-facts.ts';

const shape = shapeFromFacts(
  {
    architecture: 'llama',
    layerCount: 32,
    embeddingLength: 4096,
    feedForwardLength: 11_008,
    headCount: 32,
    headCountKv: 32,
    vocabularySize: 32_000,
    parameterCount: 6.74e9,
  },
  13.5e9,
);
const run = { shape, contextLength: 512 };
const bytesOf = (estimate: JobEstimate, kind: JobAmountKind): number => estimate.amounts.find((amount) => amount.kind === kind)?.bytes ?? 0;

describe('memory and disk of a job', () => {
  test('that converts do not grow in memory with the model, and on the disk are its exact size', () => {
    const small = estimateConversion({ totalBytes: 1e9 });
    expect(estimateConversion({ totalBytes: 1e12 })).toMatchObject({ totalBytes: small.totalBytes, diskBytes: 1e12, scratchBytes: 0 });
    expect(small.totalBytes).toBeLessThan(256 * MiB);
  });

  test('that quantizes are its plan’s', () => {
    const found = estimateQuantization({ sizeBytes: 4e9, memoryBytes: 700 * MiB });
    expect(found).toMatchObject({ totalBytes: 700 * MiB, diskBytes: 4e9, scratchBytes: 0 });
  });

  test('that calibrates on the way hold the running model and its second moments besides, and a copy of it on the disk', () => {
    const plain = estimateQuantization({ sizeBytes: 4e9, memoryBytes: 700 * MiB });
    const found = estimateQuantization(
      { sizeBytes: 4e9, memoryBytes: 700 * MiB },
      { plan: { memoryBytes: 1300 * MiB, working: undefined }, run },
    );
    expect(bytesOf(found, 'moments')).toBe(1300 * MiB);
    expect(bytesOf(found, 'model')).toBeGreaterThan(13.5e9);
    expect(found.totalBytes).toBeCloseTo(plain.totalBytes + bytesOf(found, 'moments') + bytesOf(found, 'model'), 0);
    // The weights are mapped: the system can take them back.
    expect(found.totalBytes - found.lowBytes).toBeGreaterThan(13e9);
  });

  // An importance matrix has 2 numbers in F32 for each input of each matrix: of two matrices of 4096 and 11008 inputs, 120 kB.
  test('that makes an importance matrix leave a small file', () => {
    const found = estimateCalibration(run, [{ shape: [11_008, 4096] }, { shape: [4096, 11_008] }, { shape: [4096] }]);
    expect(found.diskBytes).toBe(8 * (4096 + 11_008));
    // Experts lie in one tensor, each with sums of its own.
    expect(estimateCalibration(run, [{ shape: [8, 14_336, 4096] }]).diskBytes).toBe(8 * 8 * 4096);
  });

  // LoRA of rank 8 beside a matrix of 11008 × 4096: 8 × (11008 + 4096) numbers in F32.
  test('that merges hold the factors of one tensor beside the stream of its plan', () => {
    const tensor = { name: 'a', dtype: 'F32', shape: [1], offset: 0, sizeBytes: 4, shard: 'a' } as const;
    const factor = { tensor, isTurned: false, order: undefined };
    const step = { kind: 'lowRank', left: factor, right: factor, rank: 8, scale: 1, weight: 1, magnitude: undefined } as const;
    const plan = { sizeBytes: 13e9, memoryBytes: 300 * MiB };
    const found = estimateMerge({
      plan,
      edits: [
        { shape: [4096, 4096], steps: [step] },
        { shape: [11_008, 4096], steps: [step] },
      ],
    });
    expect(bytesOf(found, 'adapters')).toBe(4 * 8 * (11_008 + 4096));
    expect(found.totalBytes).toBe(300 * MiB + bytesOf(found, 'adapters'));
    expect(found.diskBytes).toBe(13e9);
  });
});
