import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { GiB } from '#core/bytes.ts';
import { findCard, readCards, usableBytes } from '#core/memory/cards.ts';
import { fittingVariants, onCards } from '#core/memory/choices.ts';
import { advise, bestSplit, fitOf, largestContext, type Question, type Remedy } from '#core/memory/fit.ts';
import { estimateShape } from '#core/memory/inference.ts';
import { readSettings } from '#core/memory/settings.ts';
import { shapeFromFacts } from '#core/memory/shape-facts.ts';
import { expectedSpeed } from '#core/memory/speed.ts';

const facts = {
  architecture: 'llama',
  layerCount: 32,
  embeddingLength: 4096,
  feedForwardLength: 14_336,
  headCount: 32,
  headCountKv: 8,
  vocabularySize: 128_256,
  contextLength: 131_072,
  parameterCount: 8_030_261_248,
  tiedEmbeddings: false,
};
const shape = shapeFromFacts(facts, 4.9e9);
const question = (processorGiB: number, cards: readonly number[] = [], settings: Question['settings'] = {}): Question => ({
  shape,
  settings: { contextLength: 8192, ...settings },
  room: { processorBytes: processorGiB * GiB, cardBytes: cards.map((size) => size * GiB) },
});
const fits = (asked: Question, changed: Question['settings']): boolean =>
  fitOf(estimateShape(asked.shape, { ...asked.settings, ...changed }), asked.room).status !== 'short';

/** What a remedy changes. */
function applied(remedy: Remedy): Question['settings'] {
  switch (remedy.kind) {
    case 'context':
      return { contextLength: remedy.contextLength };
    case 'layers':
      return { gpuLayers: remedy.gpuLayers, cards: remedy.cards };
    case 'cacheType':
      return { keyType: remedy.cacheType, valueType: remedy.cacheType, flashAttention: true };
    case 'flashAttention':
      return { flashAttention: true };
    case 'sequences':
      return { sequences: remedy.sequences };
  }
}

describe('whether a model fits', () => {
  test('is told by device, with what is missing', () => {
    const estimate = estimateShape(shape, { contextLength: 8192, gpuLayers: 33 });
    const room = { processorBytes: 64 * GiB, cardBytes: [4 * GiB] };
    const fit = fitOf(estimate, room);
    expect(fit.status).toBe('short');
    expect(fit.shortBytes[0]).toBe(0);
    expect(fit.missingBytes).toBeCloseTo((estimate.devices[1]?.totalBytes ?? 0) - 4 * GiB, 0);
    expect(fitOf(estimate, { processorBytes: 64 * GiB, cardBytes: [24 * GiB] }).status).toBe('fits');
    // Enough for the estimate, not for the upper end of its range.
    const exactly = [estimate.devices[1]?.totalBytes ?? 0];
    expect(fitOf(estimate, { processorBytes: 64 * GiB, cardBytes: exactly }).status).toBe('tight');
  });

  test('is no where nothing is known of a card', () => {
    const estimate = estimateShape(shape, { gpuLayers: 33 });
    for (const cardBytes of [[], [Number.NaN], [-1]]) expect(fitOf(estimate, { processorBytes: GiB * 64, cardBytes }).status).toBe('short');
  });
});

describe('the largest context', () => {
  test('fits, and one step more does not', () => {
    const asked = question(8);
    const found = largestContext(asked) ?? 0;
    expect(found % 256).toBe(0);
    expect(fits(asked, { contextLength: found })).toBe(true);
    expect(fits(asked, { contextLength: found + 256 })).toBe(false);
  });

  test('ends where the model was trained to, and is none where the weights do not fit', () => {
    expect(largestContext(question(1000))).toBe(131_072);
    expect(largestContext(question(2))).toBeUndefined();
  });
});

describe('the best split', () => {
  test('takes all layers where they fit, and otherwise as many as do', () => {
    expect(bestSplit(question(16, [24]))?.gpuLayers).toBe(33);
    const asked = question(16, [4]);
    const split = bestSplit(asked);
    expect(split?.gpuLayers).toBeGreaterThan(0);
    expect(split?.gpuLayers).toBeLessThan(33);
    expect(fits(asked, { ...split })).toBe(true);
    expect(fits(asked, { ...split, gpuLayers: (split?.gpuLayers ?? 0) + 1 })).toBe(false);
  });

  test('shares layers among several cards', () => {
    const asked = question(16, [4, 4]);
    const split = bestSplit(asked);
    expect(split?.gpuLayers).toBe(33);
    expect(fits(asked, { ...split })).toBe(true);
    expect(fits(question(16, [4]), { gpuLayers: 33 })).toBe(false);
  });

  test('uses no card that is too small to compute with, and is none where nothing holds the model', () => {
    expect(bestSplit(question(16, [0.1]))).toEqual({ gpuLayers: 0, cards: [] });
    expect(bestSplit(question(1, [1]))).toBeUndefined();
    expect(bestSplit(question(16))).toEqual({ gpuLayers: 0, cards: [] });
  });
});

describe('advice', () => {
  test('is none where the model fits', () => {
    expect(advise(question(16))).toMatchObject({ status: 'fits', missingBytes: 0, remedies: [] });
  });

  test.each([
    ['a long context', question(8, [], { contextLength: 131_072 })],
    ['a small card', question(16, [4], { gpuLayers: 33 })],
    ['many sequences', question(8, [], { sequences: 8, contextLength: 8192 })],
    ['scores that are held', question(9.5, [], { contextLength: 32_768, flashAttention: false })],
  ])('for %s names what each alone is enough', (_, asked) => {
    const { status, missingBytes, remedies } = advise(asked);
    expect(status).toBe('short');
    expect(missingBytes).toBeGreaterThan(0);
    expect(remedies.length).toBeGreaterThan(0);
    expect(remedies.filter((remedy) => !fits(asked, applied(remedy)))).toEqual([]);
  });

  test('says how many layers move, and to what context to go', () => {
    const small = advise(question(16, [4], { gpuLayers: 33 })).remedies.find(({ kind }) => kind === 'layers');
    expect(small).toMatchObject({ kind: 'layers' });
    if (small?.kind === 'layers') expect(small.moved).toBe(33 - small.gpuLayers);
    const long = advise(question(8, [], { contextLength: 131_072 })).remedies.find(({ kind }) => kind === 'context');
    expect(long).toEqual({ kind: 'context', contextLength: largestContext(question(8)) });
  });

  test('has nothing to offer where the weights alone are too large', () => {
    expect(advise(question(2))).toMatchObject({ status: 'short', remedies: [] });
  });
});

describe('other files and cards', () => {
  const table = async () =>
    readCards(JSON.parse(await readFile(new URL('../../../resources/gpus.json', import.meta.url), 'utf8')) as unknown);

  test('are ranked: which quantization fits', () => {
    const variants = [
      { name: 'Q4_K_M', sizeBytes: 4.9e9 },
      { name: 'F16', sizeBytes: 16.1e9 },
      { name: 'Q8_0', sizeBytes: 8.5e9 },
    ];
    expect(fittingVariants(question(8), variants).map(({ name, status }) => [name, status])).toEqual([
      ['F16', 'short'],
      ['Q8_0', 'short'],
      ['Q4_K_M', 'fits'],
    ]);
  });

  test('come from a table whose rows are all sound and unlike each other', async () => {
    const { cards } = JSON.parse(await readFile(new URL('../../../resources/gpus.json', import.meta.url), 'utf8')) as { cards: unknown[] };
    const read = await table();
    expect(read).toHaveLength(cards.length);
    expect(new Set(read.map(({ name }) => name)).size).toBe(read.length);
    for (const { capacityBytes, bandwidth } of read) {
      expect(capacityBytes % GiB).toBe(0);
      expect(bandwidth).toBeGreaterThan(50e9);
      expect(bandwidth).toBeLessThan(10e12);
    }
    expect(readCards({ cards: [{ name: 'x' }, null, 7, { name: 'y', vendor: 'z', capacityGiB: Number.NaN, bandwidthGBps: 1 }] })).toEqual(
      [],
    );
    expect(readCards('nonsense')).toEqual([]);
  });

  test('are found by the name that a driver gives them', async () => {
    const cards = await table();
    expect(findCard(cards, 'NVIDIA GeForce RTX 4060 Ti')?.name).toBe('GeForce RTX 4060 Ti');
    expect(findCard(cards, 'NVIDIA GeForce RTX 4060')?.name).toBe('GeForce RTX 4060');
    expect(findCard(cards, 'AMD Radeon RX 7900 XTX (RADV NAVI31)')?.name).toBe('Radeon RX 7900 XTX');
    expect(findCard(cards, 'llvmpipe (LLVM 15.0.6, 256 bits)')).toBeUndefined();
  });

  test('say whether they hold the model, and how fast it would be', async () => {
    const cards = await table();
    const of = (name: string) =>
      onCards(
        question(32),
        cards.filter((card) => card.name === name),
      )[0];
    expect(of('GeForce RTX 4060')?.status).not.toBe('short');
    expect(of('GeForce GTX 1650')).toMatchObject({ status: 'short' });
    expect(of('GeForce RTX 4090')?.speed?.tokensPerSecond).toBeGreaterThan(of('GeForce RTX 4060')?.speed?.tokensPerSecond ?? Number.NaN);
    expect(usableBytes({ name: '', vendor: '', capacityBytes: 16 * GiB, bandwidth: 1, unified: true })).toBe(12 * GiB);
  });
});

describe('expected speed', () => {
  const llama7b = shapeFromFacts(
    { ...facts, headCountKv: 32, feedForwardLength: 11_008, vocabularySize: 32_000, parameterCount: 6.74e9 },
    3.9e9,
  );

  // Study notes, section 2: "7B on an 8-core CPU about 10 tokens/s, on an A6000 about 100"; 768 GB/s, and 50 GB/s for two
  // channels of DDR4-3200.
  test('is about 100 tokens a second for 7B on an A6000, about 10 on a processor', () => {
    const card = readSettings(llama7b, { contextLength: 2048, gpuLayers: 33 }).settings;
    const fast = expectedSpeed(llama7b, card, { processor: 50e9, cards: [768e9] });
    expect(fast?.low).toBeLessThan(100);
    expect(fast?.high).toBeGreaterThan(100);
    const processor = readSettings(llama7b, { contextLength: 2048 }).settings;
    const slow = expectedSpeed(llama7b, processor, { processor: 50e9, cards: [] });
    expect(slow?.low).toBeLessThan(10);
    expect(slow?.high).toBeGreaterThan(8);
  });

  test('reads of a mixture only the experts that are picked', () => {
    const experts = shapeFromFacts({ ...facts, expertCount: 8, expertUsedCount: 2, parameterCount: 47e9 }, 26e9);
    const { settings } = readSettings(experts, { contextLength: 2048 });
    const read = expectedSpeed(experts, settings, { processor: 50e9, cards: [] })?.readBytes[0] ?? 0;
    expect(read).toBeGreaterThan(26e9 / 4);
    expect(read).toBeLessThan(26e9 / 3);
  });

  test('is not told where a bandwidth is not known', () => {
    const { settings } = readSettings(llama7b, { gpuLayers: 10 });
    expect(expectedSpeed(llama7b, settings, { processor: 50e9, cards: [] })).toBeUndefined();
    expect(expectedSpeed(llama7b, settings, { processor: Number.NaN, cards: [1e12] })).toBeUndefined();
  });
});
