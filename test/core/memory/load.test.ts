import { expect, test } from 'vitest';
import { GiB } from '#core/bytes.ts';
import { estimateShape } from '#core/memory/inference.ts';
import { defaultLoad, planLoad } from '#core/memory/load.ts';
import { correctionsOf, type Measured } from '#core/memory/measured.ts';
import { shapeFromFacts } from '#core/memory/shape-facts.ts';

/** Llama 2 7B in four bits: 4 GiB of weights, and half a MiB of cache for each token in F16 (2 x 32 layers x 4096 x 2 bytes). */
const shape = shapeFromFacts({
  architecture: 'llama',
  parameterCount: 6.74e9,
  tensorBytes: 4 * GiB,
  layerCount: 32,
  embeddingLength: 4096,
  feedForwardLength: 11_008,
  headCount: 32,
  headCountKv: 32,
  vocabularySize: 32_000,
  contextLength: 32_768,
});
const processor = (gib: number) => ({ processorBytes: gib * GiB, cardBytes: [] });

test('without a wish the context is as long as is usual, or as there is room for', () => {
  expect(planLoad(shape, defaultLoad, processor(64))).toMatchObject({ status: 'fits', contextLength: 8192, isShrunk: false });
  const tight = planLoad(shape, defaultLoad, processor(6));
  expect(tight.isShrunk).toBe(true);
  expect(tight.status).not.toBe('short');
  // What is left of 6 GiB beside weights and computation is less than 2 GiB: 4,096 tokens.
  expect(tight.contextLength).toBeGreaterThan(2048);
  expect(tight.contextLength).toBeLessThan(4096);
  // The next longer one would not fit.
  const { totalBytes } = estimateShape(shape, { contextLength: tight.contextLength + 256 });
  expect(totalBytes).toBeGreaterThan(6 * GiB);
});

test('a context that was wished for is not changed, and what would make it fit does', () => {
  const wish = { ...defaultLoad, contextLength: 16_384 };
  const plan = planLoad(shape, wish, processor(8));
  expect(plan).toMatchObject({ status: 'short', contextLength: 16_384, isShrunk: false });
  expect(plan.remedies.map(({ kind }) => kind)).toEqual(['context', 'cacheType']);
  for (const remedy of plan.remedies) {
    const changed = remedy.kind === 'context' ? { contextLength: remedy.contextLength } : { cacheType: 'Q4_0' as const };
    expect(planLoad(shape, { ...wish, ...changed }, processor(8)).status).not.toBe('short');
  }
});

test('layers go to the cards as far as they fit, unless the user says how many', () => {
  const room = { processorBytes: 64 * GiB, cardBytes: [24 * GiB] };
  expect(planLoad(shape, defaultLoad, room).gpuLayers).toBe(33);
  expect(planLoad(shape, { ...defaultLoad, gpuLayers: 10 }, room)).toMatchObject({ gpuLayers: 10, status: 'fits' });
  expect(planLoad(shape, { ...defaultLoad, gpuLayers: 0 }, room).estimate.devices).toHaveLength(1);
  const small = planLoad(shape, defaultLoad, { ...room, cardBytes: [4 * GiB] });
  expect(small.gpuLayers).toBeGreaterThan(0);
  expect(small.gpuLayers).toBeLessThan(33);
  expect(small.status).not.toBe('short');
});

const run = (predictedBytes: number, measuredBytes: number, fields: Partial<Measured> = {}): Measured => ({
  kind: 'run',
  device: 'processor',
  predictedBytes,
  measuredBytes,
  ...fields,
});

test('three measurements of a kind on a device are needed before anything is learned, and one that is far off changes little', () => {
  expect(correctionsOf([run(100, 110), run(100, 110)])).toEqual([]);
  const [learned] = correctionsOf([run(100, 110), run(100, 112), run(100, 900), run(0, 5)]);
  expect(learned).toMatchObject({ kind: 'run', device: 'processor', count: 3, factor: 1.12 });
  // |100 - 112| / 112.
  expect(learned?.medianError).toBeCloseTo(12 / 112, 10);
  const kinds = correctionsOf([
    ...[1, 2, 3].map(() => run(100, 110)),
    ...[1, 2, 3].map(() => run(100, 90, { device: 'vulkan' })),
    ...[1, 2, 3].map(() => run(100, 130, { kind: 'train' })),
  ]);
  expect(kinds.map(({ kind, device, factor }) => [kind, device, factor])).toEqual([
    ['run', 'processor', 1.1],
    ['run', 'vulkan', 0.9],
    ['train', 'processor', 1.3],
  ]);
  // The newest twenty: what older versions did no longer counts.
  const newest = Array.from({ length: 20 }, () => run(100, 100));
  expect(correctionsOf([...newest, ...Array.from({ length: 50 }, () => run(100, 200))])[0]?.factor).toBe(1);
});
