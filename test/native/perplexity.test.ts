import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { loadNative } from '#engine/native.ts';
import { errorOf } from '#test/expect-error.ts';
import { realModelPath, realModels, realModelsNote } from '#test/real-models.ts';
import { CONTEXT_LENGTH, randomText, tokensOf, VOCABULARY_SIZE, writeBigramModel } from './bigram-model.ts';

const native = loadNative();
const model = writeBigramModel();

/** Losses of the predictions that count, by the definition: positions n/2 to n-2 of each whole window. */
function expectedLosses(text: string, contextLength: number): number[] {
  const tokens = tokensOf(text);
  const losses: number[] = [];
  for (let start = 0; start + contextLength <= tokens.length; start += contextLength)
    for (let position = Math.floor(contextLength / 2); position <= contextLength - 2; position += 1)
      losses.push(model.loss(tokens[start + position] ?? 0, tokens[start + position + 1] ?? 0));
  return losses;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('perplexity of a model whose predictions can be computed by hand', () => {
  test.each([
    ['many windows at a time', 3000, 64],
    ['windows of an odd length', 1000, 37],
    ['the shortest window', 400, 4],
    ['one window', 99, 100],
    ['a window that takes several batches', 2 * 2500, 2500],
    ['more short windows than llama.cpp has sequences', 4000, 5],
  ])('%s', async (_, characters, contextLength) => {
    const text = randomText(characters, 1);
    const losses = expectedLosses(text, contextLength);
    const expected = mean(losses);
    const found = await native.perplexity({ modelPath: model.path, text, contextLength, threads: 1 });
    expect(found.nll).toBeCloseTo(expected, 5);
    expect(found.perplexity).toBeCloseTo(Math.exp(expected), 4);
    const deviation = Math.sqrt(mean(losses.map((loss) => (loss - expected) ** 2)) / (losses.length - 1));
    if (losses.length > 1) expect(found.standardError).toBeCloseTo(Math.exp(expected) * deviation, 4);
    expect(found).toMatchObject({
      tokens: losses.length,
      windows: Math.floor((characters + 1) / contextLength),
      textTokens: characters + 1,
    });
  });

  test('a model that knows nothing is as perplexed as its vocabulary is large', async () => {
    const even = writeBigramModel({}, { outputScale: 0 });
    const found = await native.perplexity({ modelPath: even.path, text: randomText(500, 2), contextLength: 32 });
    expect(found.perplexity).toBeCloseTo(VOCABULARY_SIZE, 4);
    expect(found.standardError).toBeCloseTo(0, 4);
  });

  test('threads do not change the result', async () => {
    const options = { modelPath: model.path, text: randomText(2000, 3), contextLength: 64 };
    const one = await native.perplexity({ ...options, threads: 1 });
    expect((await native.perplexity({ ...options, threads: 3 })).nll).toBeCloseTo(one.nll, 6);
  });

  test('jobs that run at once do not disturb each other', async () => {
    const texts = [4, 5, 6, 7].map((seed) => randomText(2000, seed));
    const found = await Promise.all(texts.map((text) => native.perplexity({ modelPath: model.path, text, contextLength: 50, threads: 1 })));
    for (const [i, { nll }] of found.entries()) expect(nll).toBeCloseTo(mean(expectedLosses(texts[i] ?? '', 50)), 5);
  });
});

describe('a measurement under way', () => {
  const long = randomText(400_000, 8);

  test('tells how many windows are done, from none to all', async () => {
    const seen: [number, number][] = [];
    await native.perplexity({
      modelPath: model.path,
      text: randomText(60_000, 9),
      contextLength: 512,
      onProgress: (...progress) => seen.push(progress),
    });
    expect(seen.at(-1)).toEqual([117, 117]);
    expect(seen.every(([done, total], i) => total === 117 && done >= (seen[i - 1]?.[0] ?? 0))).toBe(true);
  });

  test('leaves the event loop alone, which hears of the progress no more often than every 50 ms', async () => {
    const stop = new AbortController();
    let calls = 0;
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 10);
    const job = native.perplexity({
      modelPath: model.path,
      text: long,
      contextLength: 64,
      threads: 1,
      signal: stop.signal,
      onProgress: () => (calls += 1),
    });
    setTimeout(() => stop.abort(), 600);
    const startedMs = performance.now();
    await errorOf(job);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(20);
    // And one at the beginning and one at the end.
    expect(calls).toBeLessThanOrEqual((performance.now() - startedMs) / 50 + 2);
    expect(calls).toBeGreaterThan(2);
  });

  test('ends soon after it is cancelled', async () => {
    const stop = new AbortController();
    const job = native.perplexity({ modelPath: model.path, text: long, contextLength: 4096, threads: 1, signal: stop.signal });
    setTimeout(() => stop.abort(), 200);
    const startedMs = performance.now();
    expect((await errorOf(job)).code).toBe('request.cancelled');
    expect(performance.now() - startedMs).toBeLessThan(5000);
  });

  test('is not begun when it is cancelled already', async () => {
    const job = native.perplexity({ modelPath: model.path, text: long, contextLength: 64, signal: AbortSignal.abort() });
    expect((await errorOf(job)).code).toBe('request.cancelled');
  });

  test('is stopped by an error of whoever listens to its progress', async () => {
    const problem = new Error('the listener is broken');
    const onProgress = (): void => {
      throw problem;
    };
    await expect(native.perplexity({ modelPath: model.path, text: long, contextLength: 64, onProgress })).rejects.toBe(problem);
  });
});

describe('what cannot be measured is told', () => {
  const measure = (text: string, contextLength: number): ReturnType<typeof errorOf> =>
    errorOf(native.perplexity({ modelPath: model.path, text, contextLength }));

  test('a text shorter than a window', async () => {
    expect(await measure('abc', 5)).toMatchObject({ code: 'evaluate.textTooShort', params: { tokens: 4, needed: 5 } });
    expect(await measure('', 16)).toMatchObject({ code: 'evaluate.textTooShort' });
  });

  test('a window longer than the model was made for, or one that scores nothing', async () => {
    const limits = { least: 4, limit: CONTEXT_LENGTH };
    expect(await measure(randomText(9000, 1), CONTEXT_LENGTH + 1)).toMatchObject({ code: 'evaluate.contextLength', params: limits });
    expect(await measure('abc', 3)).toMatchObject({ code: 'evaluate.contextLength', params: { contextLength: 3, ...limits } });
    expect(await measure('abc', 0)).toMatchObject({ code: 'evaluate.contextLength' });
  });

  test('a character that the vocabulary lacks, by name and place', async () => {
    expect(await measure('a cafe, a café', 8)).toMatchObject({
      code: 'tokenizer.unsupportedText',
      params: { character: ',', position: 6 },
    });
    expect(await measure('abc 🦜 é', 8)).toMatchObject({ code: 'tokenizer.unsupportedText', params: { character: '🦜', position: 4 } });
  });

  test('weights that make no numbers', async () => {
    const broken = writeBigramModel({}, { outputScale: Infinity });
    const job = native.perplexity({ modelPath: broken.path, text: randomText(100, 1), contextLength: 16 });
    expect(await errorOf(job)).toMatchObject({ code: 'evaluate.notFinite', params: { file: 'bigram 模型.gguf' } });
  });
});

describe('tokens of a text', () => {
  const tokenize = (text: string, options: object = {}): Promise<Int32Array> =>
    native.tokenize({ modelPath: model.path, text, ...options });

  test('are those of the vocabulary, with BOS on demand', async () => {
    expect([...(await tokenize('bad cab', { addSpecial: true }))]).toEqual(tokensOf('bad cab'));
    expect([...(await tokenize('bad cab'))]).toEqual(tokensOf('bad cab').slice(1));
    expect([...(await tokenize(''))]).toEqual([]);
  });

  test('take the name of a special token for the token only when asked to', async () => {
    expect([...(await tokenize('a</s>', { parseSpecial: true }))]).toEqual([4, 2]);
    expect((await errorOf(tokenize('a</s>'))).code).toBe('tokenizer.unsupportedText');
  });
});

describe.runIf(realModels !== null)('perplexity of trained models equals llama-perplexity’s', () => {
  test.each([
    ['story656k/story656K-f32.gguf', 34.166],
    ['stories260k/stories260K-f32.gguf', 4.8112],
  ])('%s', { timeout: 120_000 }, async (path, expected) => {
    const text = readFileSync(realModelPath('corpora', 'tinystories-recased-60k.txt'), 'utf8');
    const { perplexity } = await native.perplexity({ modelPath: realModelPath(...path.split('/')), text, contextLength: 256 });
    expect(perplexity).toBeCloseTo(expected, 3);
  });

  test('and a text that story656K cannot say is an error', async () => {
    const job = native.tokenize({ modelPath: realModelPath('story656k', 'story656K-f32.gguf'), text: 'Once upon a Café' });
    expect(await errorOf(job)).toMatchObject({ code: 'tokenizer.unsupportedText', params: { character: 'é', position: 15 } });
  });
});

test(`trained models were looked for${realModelsNote}`, () => {
  expect(realModels === null).toBe(realModelsNote !== '');
});
