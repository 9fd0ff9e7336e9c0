import { expect, test } from 'vitest';
import { arr, bool, str, u32 } from '#core/gguf/values.ts';
import { loadNative } from '#engine/native.ts';
import { errorOf } from '#test/expect-error.ts';
import { randomText, tokensOf, VOCABULARY_SIZE, writeBigramModel } from './bigram-model.ts';

const native = loadNative();
const model = writeBigramModel();

/** Σ log p of the tokens from `first` on, each after the one before it. */
function expectedLikelihood(text: string, first: number): number {
  const tokens = tokensOf(text);
  let sum = 0;
  for (let at = first; at < tokens.length; at += 1) sum -= model.loss(tokens[at - 1] ?? 0, tokens[at] ?? 0);
  return sum;
}
const score = async (text: string, answer: string) => {
  const [found] = await native.scoreAnswers({ modelPath: model.path, pairs: [{ text, answer }], threads: 1 });
  if (found === undefined) throw new Error('no score');
  return found;
};
const likeliestAfter = (token: number): number =>
  [...Array.from({ length: VOCABULARY_SIZE }).keys()].reduce((best, next) =>
    model.loss(token, next) < model.loss(token, best) ? next : best,
  );

test('an answer is as likely as the product of its tokens, none of the text', async () => {
  const found = await score('abc def', 'gh ab');
  expect(found.tokens).toBe(5);
  // BOS and the seven characters of the text come before.
  expect(found.logLikelihood).toBeCloseTo(expectedLikelihood('abc defgh ab', 8), 4);
});

test('a text and an answer of many batches are scored as short ones are', async () => {
  const [text, answer] = [randomText(1300, 5), randomText(1100, 6)];
  const found = await score(text, answer);
  expect(found.tokens).toBe(1100);
  expect(found.logLikelihood / 1100).toBeCloseTo(expectedLikelihood(text + answer, 1301) / 1100, 5);
});

test('the likeliest continuation is known as such, and no other one', async () => {
  const letters = 'abcdefgh';
  const last = tokensOf('a').at(-1) ?? 0;
  const names = ['<unk>', '<s>', '</s>', ' ', ...letters];
  const likeliest = names[likeliestAfter(last)] ?? '';
  for (const answer of [...letters, ' ']) expect((await score('a', answer)).isLikeliest).toBe(answer === likeliest);
});

test('choices of one question score as they do alone, in any order', async () => {
  const choices = ['a', 'bcd', 'b c', 'hhhh', 'a'];
  const pairs = choices.map((answer) => ({ text: 'gab', answer }));
  const together = await native.scoreAnswers({ modelPath: model.path, pairs: [...pairs, { text: 'h', answer: 'a' }], threads: 1 });
  for (const [place, answer] of choices.entries()) {
    const alone = await score('gab', answer);
    expect(together[place]?.logLikelihood).toBeCloseTo(alone.logLikelihood, 4);
    expect(together[place]?.tokens).toBe(alone.tokens);
  }
  expect(together[5]?.logLikelihood).toBeCloseTo(expectedLikelihood('ha', 2), 4);
});

test('progress counts pairs', async () => {
  const seen: number[] = [];
  const pairs = Array.from({ length: 4 }, () => ({ text: 'a', answer: 'b' }));
  await native.scoreAnswers({ modelPath: model.path, pairs, threads: 1, onProgress: (done, total) => seen.push(done / total) });
  expect(seen.at(-1)).toBe(1);
});

test('what cannot be scored is named', async () => {
  const code = async (pairs: { text: string; answer: string }[], path = model.path): Promise<string> =>
    (await errorOf(native.scoreAnswers({ modelPath: path, pairs, threads: 1 }))).code;
  expect(await code([{ text: randomText(9000, 1), answer: 'a' }])).toBe('evaluate.contextLength');
  expect(await code([{ text: 'xyz', answer: 'a' }])).toBe('tokenizer.unsupportedText');
  const noBos = writeBigramModel({ 'tokenizer.ggml.add_bos_token': bool(false), 'general.name': str('no beginning') });
  expect(await code([{ text: '', answer: 'a' }], noBos.path)).toBe('evaluate.textTooShort');
  const broken = writeBigramModel({ 'llama.block_count': u32(2), 'general.tags': arr('str', ['broken']) });
  expect(await code([{ text: 'a', answer: 'b' }], broken.path)).toBe('engine.loadFailed');
});

test('an aborted scoring ends', async () => {
  const pairs = Array.from({ length: 2000 }, () => ({ text: randomText(100, 2), answer: 'a' }));
  const job = native.scoreAnswers({ modelPath: model.path, pairs, threads: 1, signal: AbortSignal.abort() });
  expect((await errorOf(job)).code).toBe('request.cancelled');
});
