import { copyFileSync, openSync, readFileSync, writeSync, closeSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readGguf } from '#core/gguf/read.ts';
import { loadNative } from '#engine/native.ts';
import { fileSource } from '#test/byte-source.ts';
import { errorOf } from '#test/expect-error.ts';
import { randomText, tokensOf, writeBigramModel } from './bigram-model.ts';

const native = loadNative();
const model = writeBigramModel();
const context = 64;
const windows = 5;
const text = randomText(context * 8, 7);
const open = () => native.openCalibrator({ modelPath: model.path, text, contextLength: context, maxWindows: windows, threads: 1 });

/** The inputs of the attention's matrices at every position: the first token of each window is BOS. */
function inputs(): number[][] {
  const tokens = tokensOf(text);
  return Array.from({ length: windows * context }, (_, i) => model.attentionInput(i % context === 0 ? 1 : (tokens[i] ?? 0)));
}

describe('a model whose inputs can be computed by hand', () => {
  test('square sums are the sums of the squares, over every position', async () => {
    const calibrator = await open();
    expect(calibrator.windows).toBe(windows);
    const found = await calibrator.squareSums();
    calibrator.close();
    expect(found.map(({ name }) => name)).toEqual(
      ['attn_k', 'attn_output', 'attn_q', 'attn_v', 'ffn_down', 'ffn_gate', 'ffn_up'].map((part) => `blk.0.${part}.weight`),
    );
    const query = found.find(({ name }) => name === 'blk.0.attn_q.weight');
    expect([...(query?.rows ?? [])]).toEqual([windows * context]);
    const expected = inputs().reduce(
      (sums, x) => sums.map((sum, i) => sum + (x[i] ?? 0) ** 2),
      Array.from({ length: 8 }, () => 0),
    );
    for (const [i, sum] of expected.entries()) expect((query?.squareSums[i] ?? NaN) / sum).toBeCloseTo(1, 4);
  });

  test('second moments are 2/n · Σ x·xᵀ, one array for those that share their inputs', async () => {
    const calibrator = await open();
    const names = ['blk.0.attn_q.weight', 'blk.0.attn_k.weight', 'blk.0.ffn_down.weight', 'blk.9.attn_q.weight'];
    const found = await calibrator.secondMoments(names);
    calibrator.close();
    expect(Object.keys(found).toSorted()).toEqual(names.slice(0, 3).toSorted());
    expect(found['blk.0.attn_k.weight']).toBe(found['blk.0.attn_q.weight']);
    const xs = inputs();
    const expected = Array.from({ length: 64 }, (_, at) => {
      const [i, j] = [Math.floor(at / 8), at % 8];
      return (2 / xs.length) * xs.reduce((sum, x) => sum + (x[i] ?? 0) * (x[j] ?? 0), 0);
    });
    const moments = [...(found['blk.0.attn_q.weight'] ?? [])];
    expect(moments).toHaveLength(64);
    for (const [i, value] of expected.entries()) expect(moments[i]).toBeCloseTo(value, 5);
  });

  test('asking for one tensor again and again gives the same: a graph that is used twice is seen twice', async () => {
    const calibrator = await open();
    const first = await calibrator.secondMoments(['blk.0.attn_v.weight']);
    const second = await calibrator.secondMoments(['blk.0.attn_v.weight']);
    const together = await calibrator.secondMoments(['blk.0.attn_v.weight', 'blk.0.ffn_up.weight']);
    calibrator.close();
    expect(second).toEqual(first);
    expect(together['blk.0.attn_v.weight']).toEqual(first['blk.0.attn_v.weight']);
  });
});

test('weights that are overwritten in the file count from the next call on', async () => {
  const path = `${model.path}.copy.gguf`;
  copyFileSync(model.path, path);
  const calibrator = await native.openCalibrator({ modelPath: path, text, contextLength: context, maxWindows: 2, threads: 1 });
  const before = (await calibrator.secondMoments(['blk.0.ffn_down.weight']))['blk.0.ffn_down.weight'];
  const header = await readGguf(fileSource(path));
  const gate = header.tensors.find(({ name }) => name === 'blk.0.ffn_gate.weight');
  if (gate === undefined) throw new Error('the model has no gate');
  const values = new Float32Array(new Uint8Array(readFileSync(path).subarray(gate.offset, gate.offset + gate.sizeBytes)).buffer);
  const file = openSync(path, 'r+');
  writeSync(file, new Uint8Array(values.map((value) => value * 2).buffer), 0, gate.sizeBytes, gate.offset);
  closeSync(file);
  const after = (await calibrator.secondMoments(['blk.0.ffn_down.weight']))['blk.0.ffn_down.weight'];
  calibrator.close();
  expect(after).not.toEqual(before);
});

describe('bad input', () => {
  test('a text shorter than a window', async () => {
    const job = native.openCalibrator({ modelPath: model.path, text: 'abc', contextLength: context });
    expect((await errorOf(job)).code).toBe('evaluate.textTooShort');
  });
  test('a closed calibrator, a cancelled pass', async () => {
    const calibrator = await open();
    const abort = new AbortController();
    abort.abort();
    expect((await errorOf(calibrator.squareSums({ signal: abort.signal }))).code).toBe('request.cancelled');
    calibrator.close();
    expect((await errorOf(calibrator.squareSums())).code).toBe('internal.unexpected');
  });
});
