import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arr, str } from '#core/gguf/values.ts';
import { errorOf } from '#test/expect-error.ts';
import { tinyFolder, tinyText } from '#test/fixtures.ts';
import { writeBigramModel } from '../native/bigram-model.ts';
import { writeGeneratedModel } from './generated-model.ts';
import { native, quantize, temporaryFolder, tensor as stored, tensorsOf, valuesOf } from './quantize/quantize.ts';
import { finish, measuring, openTensor } from './tensor-client.ts';

const tensor = openTensor();
const root = temporaryFolder();
const scratchFolder = join(root, 'scratch');
const textPath = join(root, 'text.txt');
const folder = await tinyFolder({ dtype: 'F32' });
const source = join(root, 'source.gguf');
beforeAll(async () => {
  await mkdir(scratchFolder);
  await writeFile(textPath, tinyText.repeat(4));
  await quantize(folder, source, 'F32');
});
afterAll(() => rm(root, { recursive: true }));

const quality = (variantPath: string, sourcePath: string, own: Parameters<typeof measuring>[0] = {}) =>
  finish(
    tensor.quality({
      variantPath,
      sourcePath,
      options: measuring({ textPath, contextLength: 32, windows: 6, ...own }),
      scratchFolder,
      threads: 1,
    }),
  );

describe('a quality card', () => {
  it('of a model against itself has no loss, and the same words', async () => {
    const { measure } = await quality(source, folder);
    expect(measure).toMatchObject({ meanKl: 0, kl999: 0, maxKl: 0, topOneAgreement: 1, windows: 6, contextLength: 32 });
    expect(measure.perplexity).toBe(measure.sourcePerplexity);
    expect(measure.worstTensors).toHaveLength(20);
    expect(measure.worstTensors.every(({ relativeError }) => relativeError === 0)).toBe(true);
    expect(measure.samples).toHaveLength(5);
    for (const sample of measure.samples) expect(sample.variant).toBe(sample.source);
  });

  it('says what was measured, on which text, and in which steps', async () => {
    const variant = join(root, 'q4.gguf');
    await quantize(folder, variant, 'Q4_0');
    const { measure, progress } = await quality(variant, source);
    expect(measure.textName).toBe('text.txt');
    expect(measure.textSha256).toBe(
      createHash('sha256')
        .update(await readFile(textPath))
        .digest('hex'),
    );
    // Predictions at positions 16 to 30 of each window.
    expect(measure.tokens).toBe(6 * 15);
    const alone = await native.perplexity({ modelPath: source, text: tinyText.repeat(4), contextLength: 32, threads: 1 });
    const all = await quality(variant, source, { windows: null });
    expect(all.measure.windows).toBe(alone.windows);
    expect(all.measure.sourcePerplexity).toBeCloseTo(alone.perplexity, 5);
    expect([...new Set(progress.map(({ phase }) => phase))]).toEqual([
      'quality.loading',
      'quality.measuring',
      'quality.comparing',
      'quality.sampling',
    ]);
    expect(measure.meanKl).toBeGreaterThan(0);
    expect(measure.kl999).toBeLessThanOrEqual(measure.maxKl);
  });

  it('has the tensors that changed most, by the definition of the relative error', async () => {
    const variant = join(root, 'worst.gguf');
    await quantize(folder, variant, 'Q4_0', { options: { overrides: [{ pattern: 'blk.1.attn_k', type: 'Q2_0' }] } });
    const { worstTensors } = (await quality(variant, source)).measure;
    const [originals, changed] = [await tensorsOf(source), await tensorsOf(variant)];
    expect(worstTensors[0]).toMatchObject({ name: 'blk.1.attn_k.weight', to: 'Q2_0' });
    for (const { name, to, relativeError } of worstTensors) {
      const [before, after] = [await valuesOf(stored(originals, name)), await valuesOf(stored(changed, name))];
      let [error, norm] = [0, 0];
      for (const [i, value] of before.entries()) {
        error += (value - (after[i] ?? NaN)) ** 2;
        norm += value ** 2;
      }
      expect([name, to]).toEqual([name, changed.get(name)?.type]);
      expect(relativeError).toBeCloseTo(Math.sqrt(error / norm), 6);
    }
  });

  it.each([
    ['int8', 0.02],
    ['nf4', 0.15],
    ['gptq-8', 0.02],
  ] as const)('is made of folders too: %s, whose rows lie in another order than GGUF’s', async (target, most) => {
    const variant = join(root, `folder ${target}`);
    const calibration = {
      hessian: async (name: string) => {
        const inputs = name.includes('ffn_down') ? 96 : 64;
        return Float32Array.from({ length: inputs ** 2 }, (_, at) => (at % (inputs + 1) === 0 ? 2 : 0));
      },
    };
    const { tensors } = await quantize(folder, variant, target, { format: 'hf' }, { calibration });
    const { measure } = await quality(variant, folder);
    expect(measure.worstTensors).toHaveLength(20);
    const worst = measure.worstTensors[0];
    expect(worst?.relativeError).toBeLessThan(most);
    // The same numbers as when it was made, by another way.
    const told = tensors.map(({ relativeError }) => relativeError).toSorted((left, right) => right - left);
    for (const [i, { relativeError }] of measure.worstTensors.slice(0, 14).entries()) expect(relativeError).toBeCloseTo(told[i] ?? NaN, 4);
    expect(await readdir(scratchFolder)).toEqual([]);
  });

  it('takes a context that both were trained on, and the stories of Lathe where no text is named', async () => {
    const model = join(root, 'generated.gguf');
    await writeGeneratedModel(model, { contextLength: 48 });
    const { measure } = await quality(model, model, { textPath: null, contextLength: 512, windows: 2 });
    expect(measure).toMatchObject({ textName: 'stories.txt', contextLength: 48, windows: 2, tokens: 2 * 23 });
    // BOS, prompt and continuation within 48 tokens.
    expect(measure.samples).toHaveLength(5);
  });
});

describe('what the models say', () => {
  const text = 'abcdefgh'.repeat(40);
  const model = writeBigramModel();
  /** The likeliest letter behind each: what the model must say can be computed by hand. */
  const letters = [...'▁abcdefgh'];
  const follows = (letter: string): number => {
    const losses = Array.from({ length: 12 }, (_, token) => model.loss(letters.indexOf(letter) + 3, token));
    return losses.indexOf(Math.min(...losses));
  };

  it('is each time the likeliest token, from evenly spaced places', async () => {
    const found = await native.continueText({ modelPath: model.path, text, places: 5, promptTokens: 8, newTokens: 4, threads: 1 });
    expect(found).toHaveLength(5);
    for (const { prompt, continuation } of found) {
      // 320 tokens, and a place at each 64.
      expect(prompt).toBe('abcdefgh');
      let expected = '';
      for (let last = 'h'; expected.length < 4;) {
        const token = follows(last);
        // Control tokens end an answer or have no text.
        if (token < 3) break;
        last = letters[token - 3] ?? '';
        expected += last === '▁' ? ' ' : last;
      }
      expect(continuation).toBe(expected);
    }
  });

  it('follows whole words, where the text has words', async () => {
    // 4 places of 16 tokens: the first word that begins in each, and as many more as fit into 8 tokens.
    const words = 'bcd ef gh abcde '.repeat(4);
    const found = await native.continueText({ modelPath: model.path, text: words, places: 4, promptTokens: 8, newTokens: 1, threads: 1 });
    expect(found.map(({ prompt }) => prompt.trim())).toEqual(Array.from({ length: 4 }, () => 'ef gh'));
  });

  it('comes from fewer places where the text is short, and from none where it is too short', async () => {
    const ask = (short: string) =>
      native.continueText({ modelPath: model.path, text: short, places: 5, promptTokens: 8, newTokens: 4, threads: 1 });
    expect(await ask('abcdefghabcdefghab')).toHaveLength(2);
    expect(await errorOf(ask('abc'))).toMatchObject({ code: 'evaluate.textTooShort', params: { tokens: 3, needed: 8 } });
  });
});

describe('what cannot be measured', () => {
  it('models of different vocabularies', async () => {
    const [one, other] = [
      writeBigramModel(),
      writeBigramModel({ 'tokenizer.ggml.tokens': arr('str', ['<unk>', '<s>', '</s>', '▁', ...'hgfedcba']), 'general.name': str('other') }),
    ];
    await writeFile(join(root, 'letters.txt'), 'abc abc '.repeat(100));
    const failed = await errorOf(quality(other.path, one.path, { textPath: join(root, 'letters.txt') }));
    expect(failed.code).toBe('evaluate.otherVocabulary');
  });

  it('a text shorter than a window, or a file that is none', async () => {
    await writeFile(join(root, 'short.txt'), 'The little lathe.');
    expect((await errorOf(quality(source, folder, { textPath: join(root, 'short.txt') }))).code).toBe('evaluate.textTooShort');
    expect((await errorOf(quality(source, folder, { textPath: join(root, 'absent.txt') }))).code).toBe('disk.missing');
    expect(await readdir(scratchFolder)).toEqual([]);
  });
});
