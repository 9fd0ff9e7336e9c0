import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { mixes, type MixName } from '#core/quantize/mixes.ts';
import { importanceOf, type Imatrix } from '#core/quantize/imatrix.ts';
import { isQuantized, type GgmlTypeName } from '#core/gguf/types.ts';
import { tinyFolder } from '#test/fixtures.ts';
import { errorOf } from '#test/expect-error.ts';
import { native, quantize, temporaryFolder, tensor, tensorsOf, valuesOf, type Stored } from './quantize.ts';

const root = temporaryFolder();
afterAll(() => rm(root, { recursive: true }));

const wide = { embeddingLength: 256, feedForwardLength: 512, headCount: 4, headCountKv: 2, tiedEmbeddings: false } as const;
const folder = await tinyFolder(wide);
const floats = join(root, 'floats.gguf');
await quantize(folder, floats, 'F32');
const originals = await tensorsOf(floats);

/** A tensor quantized by ggml in one call, whatever we do in pieces. */
async function atOnce({ bytes, shape }: Stored, type: GgmlTypeName, sizeBytes: number, importance?: Float32Array): Promise<Uint8Array> {
  const target = new Uint8Array(sizeBytes);
  await native.ggmlQuantize(new Float32Array(bytes.buffer), type, shape.at(-1) ?? 1, target, { threads: 1, importance });
  return target;
}

/** Needs no importance matrix. */
const easy = (Object.keys(mixes) as MixName[]).filter((mix) => !/^IQ[12]|IQ3_X|Q2_K_S/.test(mix));

describe('one pass from a folder to GGUF', () => {
  it.each(easy)('%s gives every tensor the bytes that ggml gives it as a whole, in any chunks', async (mix) => {
    const path = join(root, `${mix}.gguf`);
    // 5000 values: some twenty rows.
    const made = await quantize(folder, path, mix, {}, { chunkElements: 5000, threads: 3 });
    expect((await stat(path)).size).toBe(made.plan.sizeBytes);
    const found = await tensorsOf(path);
    let quantized = 0;
    for (const { name, to, encoder } of made.plan.tensors) {
      if (encoder.kind !== 'ggml') continue;
      const { type, bytes } = tensor(found, name);
      expect(type).toBe(to);
      expect(Buffer.compare(bytes, await atOnce(tensor(originals, name), encoder.type, bytes.byteLength))).toBe(0);
      quantized += 1;
    }
    expect(quantized).toBe(isQuantized(mixes[mix].base) ? 16 : 0);
    expect(made.tensors.length).toBe(quantized);
    await rm(path);
  });

  it('is the same file whatever the chunks and threads', async () => {
    const [one, other] = [join(root, 'one.gguf'), join(root, 'other.gguf')];
    await quantize(folder, one, 'Q4_K_M', {}, { chunkElements: 1, threads: 1 });
    const made = await quantize(folder, other, 'Q4_K_M', {}, { threads: 4 });
    expect(Buffer.compare(await readFile(one), await readFile(other))).toBe(0);
    expect(made.tensors.every(({ relativeError }) => relativeError > 0.005 && relativeError < 0.1)).toBe(true);
  });

  it('measures each tensor’s error against what can be read back', async () => {
    const path = join(root, 'measured.gguf');
    const made = await quantize(folder, path, 'Q5_1', {}, { chunkElements: 1000 });
    const found = await tensorsOf(path);
    for (const { name, relativeError } of made.tensors) {
      const restored = await valuesOf(tensor(found, name));
      const original = await valuesOf(tensor(originals, name));
      let [error, norm] = [0, 0];
      for (const [i, value] of original.entries()) {
        error += (value - (restored[i] ?? NaN)) ** 2;
        norm += value ** 2;
      }
      expect(relativeError).toBeCloseTo(Math.sqrt(error / norm), 6);
    }
  });

  it('tells how far it is, up to the last byte', async () => {
    const told: [number, number][] = [];
    await quantize(
      folder,
      join(root, 'told.gguf'),
      'Q8_0',
      {},
      { progress: (done, total) => told.push([done, total]), chunkElements: 5000 },
    );
    expect(told.length).toBeGreaterThan(30);
    expect(told.every(([done, total], i) => done > (told[i - 1]?.[0] ?? 0) && done <= total)).toBe(true);
    expect(told.at(-1)?.[0]).toBe(told.at(-1)?.[1]);
  });
});

describe('from a GGUF file', () => {
  it('of F32 gives the file that the folder gives, but for its name', async () => {
    const [direct, again] = [join(root, 'direct.gguf'), join(root, 'again.gguf')];
    await quantize(folder, direct, 'Q4_K_M');
    await quantize(floats, again, 'Q4_K_M');
    const [left, right] = [await tensorsOf(direct), await tensorsOf(again)];
    expect([...right.keys()]).toEqual([...left.keys()]);
    for (const [name, { bytes }] of left) expect(Buffer.compare(bytes, tensor(right, name).bytes)).toBe(0);
  });

  it('of quantized tensors decodes them first', async () => {
    const path = join(root, 'requantized.gguf');
    const from = join(root, 'from.gguf');
    await quantize(folder, from, 'Q8_0');
    const made = await quantize(from, path, 'Q4_0', {}, { chunkElements: 1000 });
    expect(made.plan.warnings.map(({ code }) => code)).toContain('quantize.requantized');
    const [before, after] = [await tensorsOf(from), await tensorsOf(path)];
    const name = 'blk.1.ffn_down.weight';
    const decoded = await valuesOf(tensor(before, name));
    const { bytes } = tensor(after, name);
    expect(bytes).toEqual(await atOnce({ ...tensor(before, name), bytes: new Uint8Array(decoded.buffer) }, 'Q4_0', bytes.byteLength));
    expect(tensor(after, 'blk.0.attn_norm.weight').bytes).toEqual(tensor(before, 'blk.0.attn_norm.weight').bytes);
  });
});

describe('with an importance matrix', () => {
  const names = [...originals.keys()].filter((name) => /^blk.*(attn_(q|k|v|output)|ffn_(up|gate|down))\.weight$/.test(name));
  const imatrix: Imatrix = {
    datasets: ['text'],
    chunkCount: 1,
    chunkSize: 512,
    entries: new Map(
      names.map((name) => {
        const inputs = tensor(originals, name).shape.at(-1) ?? 0;
        return [name, { squares: Float32Array.from({ length: inputs }, (_, i) => 1 + ((i * 37) % 101)), counts: Float32Array.of(512) }];
      }),
    ),
  };
  const facts = { file: 'i.gguf', datasets: imatrix.datasets, chunkCount: 1, tensors: new Set(names) };

  it('the types that need one can be made, and each tensor is made with its own', async () => {
    const path = join(root, 'iq2.gguf');
    const made = await quantize(folder, path, 'IQ2_XS', { imatrix: facts }, { imatrix, chunkElements: 2000 });
    const found = await tensorsOf(path);
    expect(made.plan.tensors.filter(({ needsImatrix }) => needsImatrix)).toEqual([]);
    for (const name of ['blk.0.attn_q.weight', 'blk.1.ffn_down.weight']) {
      const { type, bytes } = tensor(found, name);
      const sums = imatrix.entries.get(name);
      if (sums === undefined) throw new Error('no sums');
      expect(bytes).toEqual(await atOnce(tensor(originals, name), type as GgmlTypeName, bytes.byteLength, importanceOf(sums)));
    }
  });

  it('of another model the tensor is named whose inputs do not fit', async () => {
    const entries = new Map([
      ...imatrix.entries,
      ['blk.0.attn_k.weight', { squares: new Float32Array(255), counts: Float32Array.of(1) }] as const,
    ]);
    const failed = quantize(folder, join(root, 'x.gguf'), 'IQ2_XS', { imatrix: facts }, { imatrix: { ...imatrix, entries } });
    expect(await errorOf(failed)).toMatchObject({
      code: 'quantize.imatrixMismatch',
      params: { tensor: 'blk.0.attn_k.weight', found: 255, expected: 256 },
    });
  });

  it('absent, a type that needs it is refused before anything is written', async () => {
    expect(await errorOf(quantize(folder, join(root, 'x.gguf'), 'IQ2_XS'))).toMatchObject({
      code: 'quantize.needsImatrix',
      params: { type: expect.stringMatching(/^IQ/) },
    });
    await expect(stat(join(root, 'x.gguf.partial'))).rejects.toThrow('ENOENT');
  });
});
