import { describe, expect, test } from 'vitest';
import { loadNative } from '#engine/native.ts';
import { seededRandom } from '#test/byte-source.ts';
import { errorOf } from '#test/expect-error.ts';

const native = loadNative();

/** Gaussian numbers, by Box and Muller. */
function gaussian(count: number, seed: number): Float32Array<ArrayBuffer> {
  const random = seededRandom(seed);
  return Float32Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
}

const ROW = 1024;
const ROWS = 96;
const weight = gaussian(ROW * ROWS, 1);

/** Root mean square error on N(0, 1), as measured with ggml_quantize_chunk in an independent study of these libraries. */
const knownErrors = [
  ['Q4_0', 18 / 32, 0.0849],
  ['Q8_0', 34 / 32, 0.0053],
  ['Q4_K', 144 / 256, 0.0709],
  ['IQ4_NL', 18 / 32, 0.0761],
  ['Q6_K', 210 / 256, 0.0177],
  ['IQ4_XS', 136 / 256, 0.0766],
] as const;

describe.each(knownErrors)('%s', (type, bytesPerWeight, rmse) => {
  test('loses what it is known to lose', async () => {
    const target = new Uint8Array(weight.length * bytesPerWeight);
    const { error, norm } = await native.ggmlQuantize(weight, type, ROW, target, { threads: 2 });
    expect(Math.sqrt(error / weight.length)).toBeGreaterThan(rmse * 0.97);
    expect(Math.sqrt(error / weight.length)).toBeLessThan(rmse * 1.03);
    expect(norm / weight.reduce((sum, w) => sum + w * w, 0)).toBeCloseTo(1, 4);
  });

  test('gives the same bytes with any number of threads', async () => {
    const one = new Uint8Array(weight.length * bytesPerWeight);
    const many = new Uint8Array(one.length);
    await native.ggmlQuantize(weight, type, ROW, one, { threads: 1 });
    await native.ggmlQuantize(weight, type, ROW, many, { threads: 4 });
    expect(many).toEqual(one);
  });
});

test('Q4_0 of one block is what its rule gives by hand', async () => {
  // The largest magnitude is -8: d = -8 / -8 = 1, and each code is the nearest of w + 8.
  const row = Float32Array.from({ length: 32 }, (_, i) => (i % 16) - 8);
  const block = new Uint8Array(18);
  const { error } = await native.ggmlQuantize(row, 'Q4_0', 32, block, { threads: 1 });
  expect(error).toBe(0);
  expect([...block.subarray(0, 2)]).toEqual([0x00, 0x3c]); // float16 1
  expect([...block.subarray(2)]).toEqual(Array.from({ length: 16 }, (_, i) => i | (i << 4)));
});

test('importance moves the error away from the columns that matter', async () => {
  const importance = new Float32Array(ROW).fill(1e-3);
  importance.fill(1, 0, 64);
  const errorOfFirst = async (given: Float32Array | undefined): Promise<number> => {
    const target = new Uint8Array((weight.length / 256) * 84);
    await native.ggmlQuantize(weight, 'Q2_K', ROW, target, { importance: given });
    const restored = new Float32Array(weight.length);
    await native.ggmlDequantize(target, 'Q2_K', ROW, restored, 2);
    let sum = 0;
    for (let at = 0; at < weight.length; at += 1) if (at % ROW < 64) sum += ((weight[at] ?? 0) - (restored[at] ?? 0)) ** 2;
    return sum;
  };
  expect(await errorOfFirst(importance)).toBeLessThan(0.8 * (await errorOfFirst(undefined)));
});

describe('bad input', () => {
  test('weights that are no numbers', async () => {
    const bad = weight.slice(0, ROW).fill(Infinity, 700, 701);
    expect((await errorOf(native.ggmlQuantize(bad, 'Q8_0', ROW, new Uint8Array(ROW * (34 / 32))))).code).toBe('quantize.notFinite');
  });
  test('a type that does not exist', async () => {
    const job = native.ggmlQuantize(weight.slice(0, ROW), 'Q4_2', ROW, new Uint8Array(1));
    expect(await errorOf(job)).toMatchObject({ code: 'quantize.unknownType', params: { type: 'Q4_2' } });
  });
  test('blocks with a scale that is no number', async () => {
    const blocks = new Uint8Array(18).fill(0xff);
    expect((await errorOf(native.ggmlDequantize(blocks, 'Q4_0', 32, new Float32Array(32), 1))).code).toBe('quantize.badRows');
  });
  test('a target of another size, a row that is no whole block, and a missing importance are mistakes of the caller', async () => {
    const row = weight.slice(0, ROW);
    await expect(native.ggmlQuantize(row, 'Q8_0', ROW, new Uint8Array(5))).rejects.toThrow(TypeError);
    await expect(native.ggmlQuantize(row.slice(0, 40), 'Q8_0', 40, new Uint8Array(34))).rejects.toThrow(TypeError);
    await expect(native.ggmlQuantize(row, 'IQ2_XXS', ROW, new Uint8Array((ROW / 256) * 66))).rejects.toThrow(TypeError);
  });
});

test('relativeError and isFinite see every element', async () => {
  const a = Float32Array.of(3, 4, 0, 0);
  expect(await native.relativeError(a, Float32Array.of(3, 4, 0, 1), 1)).toEqual({ error: 1, norm: 25 });
  expect(await native.isFinite(a, 1)).toBe(true);
  expect(await native.isFinite(Float32Array.of(0, 0, 0, -Infinity), 2)).toBe(false);
  expect(await native.isFinite(Float32Array.of(NaN), 1)).toBe(false);
});

describe('the types with grids, whose encoders end the process where their sums are infinite', () => {
  const row = weight.slice(0, ROW);
  const codes = async (importance: Float32Array, values = row): Promise<Uint8Array> => {
    const target = new Uint8Array((ROW / 256) * 74);
    await native.ggmlQuantize(values, 'IQ2_XS', ROW, target, { importance, threads: 1 });
    return target;
  };
  const shares = Float32Array.from({ length: ROW }, (_, i) => 1 + (i % 7));

  test('take importances of any size as shares', async () => {
    expect(await codes(shares.map((share) => share * 2 ** 120))).toEqual(await codes(shares));
  });

  test('refuse weights that no such type can hold', async () => {
    const values = row.slice();
    values[100] = 1.16e27;
    expect((await errorOf(codes(shares, values))).code).toBe('quantize.badRows');
    expect((await errorOf(codes(shares, values.fill(-70_000)))).code).toBe('quantize.badRows');
  });
});
