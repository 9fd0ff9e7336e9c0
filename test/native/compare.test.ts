import { describe, expect, test } from 'vitest';
import { loadNative } from '#engine/native.ts';
import { errorOf } from '#test/expect-error.ts';
import { arr, str } from '#core/gguf/values.ts';
import { CONTEXT_LENGTH, randomText, tokensOf, VOCABULARY_SIZE, writeBigramModel } from './bigram-model.ts';

const native = loadNative();
const source = writeBigramModel();
const variant = writeBigramModel({}, { outputScale: 0.6 });
const context = 32;
const text = randomText(1000, 3);

/** The divergence of each scored prediction, by its definition over the whole vocabulary. */
function expectedDivergences(): number[] {
  const tokens = tokensOf(text);
  const all: number[] = [];
  for (let start = 0; start + context <= tokens.length; start += context)
    for (let position = context / 2; position <= context - 2; position += 1) {
      const token = tokens[start + position] ?? 0;
      let sum = 0;
      for (let next = 0; next < VOCABULARY_SIZE; next += 1)
        sum += Math.exp(-source.loss(token, next)) * (variant.loss(token, next) - source.loss(token, next));
      all.push(sum);
    }
  return all;
}

describe('two models whose predictions can be computed by hand', () => {
  test('mean, median, 99.9th percentile and largest divergence are those of the definition', async () => {
    const expected = expectedDivergences().toSorted((a, b) => a - b);
    const found = await native.compare({ sourcePath: source.path, variantPath: variant.path, text, contextLength: context, threads: 1 });
    const mean = expected.reduce((sum, value) => sum + value, 0) / expected.length;
    expect(found.tokens).toBe(expected.length);
    expect(found.meanKl).toBeCloseTo(mean, 6);
    expect(found.maxKl).toBeCloseTo(expected.at(-1) ?? NaN, 5);
    const at = (fraction: number): number => {
      const place = fraction * (expected.length - 1);
      const below = Math.floor(place);
      return (expected[below] ?? 0) * (1 - place + below) + (expected[below + 1] ?? expected[below] ?? 0) * (place - below);
    };
    expect(found.medianKl).toBeCloseTo(at(0.5), 5);
    expect(found.kl999).toBeCloseTo(at(0.999), 5);
    // Scaling all logits leaves their order as it is.
    expect(found.topOneAgreement).toBe(1);
    const alone = await native.perplexity({ modelPath: variant.path, text, contextLength: context, threads: 1 });
    expect(found.perplexity).toBeCloseTo(alone.perplexity, 6);
  });

  test('a model does not diverge from itself', async () => {
    const found = await native.compare({ sourcePath: source.path, variantPath: source.path, text, contextLength: context });
    expect(found).toMatchObject({ meanKl: 0, maxKl: 0, topOneAgreement: 1 });
    expect(found.perplexity).toBe(found.sourcePerplexity);
  });
});

test('models of different vocabularies are not compared', async () => {
  const tokens = ['<unk>', '<s>', '</s>', '▁', ...'hgfedcba'];
  const other = writeBigramModel({ 'tokenizer.ggml.tokens': arr('str', tokens), 'general.name': str('other') });
  const job = native.compare({ sourcePath: source.path, variantPath: other.path, text, contextLength: context });
  expect((await errorOf(job)).code).toBe('evaluate.otherVocabulary');
});

test('a context longer than the model’s is refused', async () => {
  const job = native.compare({ sourcePath: source.path, variantPath: variant.path, text, contextLength: CONTEXT_LENGTH + 1 });
  expect((await errorOf(job)).code).toBe('evaluate.contextLength');
});
