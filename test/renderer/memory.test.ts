import { describe, expect, test } from 'vitest';
import { GiB } from '#core/bytes.ts';
import type { ModelFacts } from '#core/model/facts.ts';
import { answerOf, cardRows, heatOf, placeOf, remedyChange, subjectOfModel, subjectOfSize, variantsOf } from '#core/memory/answer.ts';
import { cards } from '#renderer/screens/memory/cards.ts';
import { newDraft, type Draft } from '#core/memory/draft.ts';

/** Llama 3 70B, as its configuration has it, with a Q4_K_M file. */
const facts: ModelFacts = {
  architecture: 'llama',
  parameterCount: 70_553_706_496,
  layerCount: 80,
  embeddingLength: 8192,
  feedForwardLength: 28_672,
  headCount: 64,
  headCountKv: 8,
  vocabularySize: 128_256,
  contextLength: 8192,
  quantization: 'Q4_K_M',
  tensorBytes: 42_512_531_456,
};
const subject = subjectOfModel(facts, 42_520_398_432);
const computer = (bytes: number) => placeOf(newDraft, cards, bytes);
const numbersOf = (value: unknown): readonly number[] =>
  typeof value === 'number' ? [value] : typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersOf) : [];

describe('the answer of the memory screen', () => {
  test('has the cache that the shape of Llama 3 70B implies', () => {
    const answer = answerOf(subject, { ...newDraft, contextLength: 8192 }, computer(64 * GiB));
    // 80 layers, keys and values, 8 heads of 128, 2 bytes, 8,192 tokens: 2.5 GiB, as Meta's and llama.cpp's figures say.
    expect(answer.total.amounts.find(({ kind }) => kind === 'cache')?.bytes).toBe(2.5 * GiB);
    expect(answer.status).toBe('fits');
  });

  test('offers fixes that make it fit, each alone', () => {
    const draft: Draft = { ...newDraft, contextLength: 8192, card: 'GeForce RTX 4090', gpuLayers: 81, cardCount: 2 };
    const place = placeOf(draft, cards, 64 * GiB);
    expect(place.cards).toHaveLength(2);
    const tooMuch = { ...draft, sequences: 8 };
    const answer = answerOf(subject, tooMuch, place);
    expect(answer.status).toBe('short');
    expect(answer.remedies.length).toBeGreaterThan(1);
    for (const remedy of answer.remedies)
      expect(answerOf(subject, { ...tooMuch, ...remedyChange(remedy) }, place).status).not.toBe('short');
  });

  test('finds by itself how many layers a card holds', () => {
    const draft: Draft = { ...newDraft, card: 'GeForce RTX 4090' };
    const place = placeOf(draft, cards, 64 * GiB);
    const { gpuLayers, status } = answerOf(subject, draft, place);
    expect(status).not.toBe('short');
    // 24 GiB hold about half of 39.6 GiB, beside the cache and the buffers.
    expect(gpuLayers).toBeGreaterThan(30);
    expect(gpuLayers).toBeLessThan(50);
    expect(answerOf(subject, { ...draft, gpuLayers: gpuLayers + 3 }, place).status).toBe('short');
  });

  test.each(['', 'many', Number.NaN, -5, 0, 1e300, Number.POSITIVE_INFINITY])(
    'names the field that holds %s, and shows no NaN',
    (value) => {
      const hostile = {
        contextLength: value,
        sequences: value,
        batchLength: value,
        gpuLayers: value,
        cardCount: value,
        rank: value,
      } as const;
      const training = { length: value, batch: value, accumulation: value } as const;
      for (const task of ['run', 'lora', 'qlora', 'full'] as const) {
        const draft: Draft = { ...newDraft, ...hostile, ...training, task, card: 'GeForce RTX 4090' };
        const answer = answerOf(subject, draft, placeOf(draft, cards, 16 * GiB));
        expect(numbersOf(answer).filter(Number.isNaN)).toEqual([]);
        expect(answer.problems.length).toBeGreaterThan(0);
      }
    },
  );

  test('takes only sizes that models have', () => {
    for (const size of ['', 'seven', 0, -1, Number.NaN, 1e9]) expect(subjectOfSize(size, 'int4')).toBeUndefined();
    expect(subjectOfSize('7', 'fp16')?.parameters).toBe(7e9);
  });

  test('puts a model known by its size beside the rule of thumb', () => {
    const seven = subjectOfSize(7, 'fp16');
    if (seven === undefined) throw new Error('seven billion is a size');
    const { comparison, confidence } = answerOf(seven, newDraft, computer(64 * GiB));
    // The rule: 7 billion of 2 bytes are 14 GB, times 1.2 to 5.
    expect(comparison.rule.lowBytes).toBeCloseTo(16.8e9);
    expect(comparison.rule.highBytes).toBeCloseTo(70e9);
    expect(confidence).toBe('low');
  });

  test('orders variants and cards so that the larger never fails where the smaller fits', () => {
    const statuses = variantsOf(subject, newDraft, computer(48 * GiB)).map(({ status }) => status !== 'short');
    expect(statuses).toEqual(statuses.toSorted((left, right) => Number(left) - Number(right)));
    expect(new Set(statuses).size).toBe(2);
    const rows = cardRows(subject, newDraft, computer(48 * GiB), cards).filter(({ card }) => !card.unified);
    const fits = rows.map(({ status }) => status !== 'short');
    expect(fits).toEqual(fits.toSorted((left, right) => Number(left) - Number(right)));
    expect(new Set(fits).size).toBe(2);
  });

  test('says of each field of the strip what it says when the field is chosen', () => {
    const draft: Draft = { ...newDraft, card: 'GeForce RTX 4090' };
    const place = placeOf(draft, cards, 64 * GiB);
    const cells = heatOf(subject, draft, place).flat();
    expect(new Set(cells.map(({ status }) => status)).size).toBeGreaterThan(1);
    for (const { contextLength, gpuLayers, status } of cells)
      expect(answerOf(subject, { ...draft, contextLength, gpuLayers }, place).status).toBe(status);
  });

  test('is reckoned within the time of a frame', () => {
    const place = computer(64 * GiB);
    answerOf(subject, newDraft, place);
    const best = Math.min(
      ...Array.from({ length: 20 }, (_, index) => {
        const start = performance.now();
        answerOf(subject, { ...newDraft, contextLength: 1024 + 256 * index }, place);
        return performance.now() - start;
      }),
    );
    // Measured well below 1 ms; the bound is for busy machines.
    expect(best).toBeLessThan(16);
  });
});
