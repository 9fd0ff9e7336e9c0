import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadNative } from '#engine/native.ts';
import { seededRandom } from '#test/byte-source.ts';
import { errorOf } from '#test/expect-error.ts';
import { golden } from './golden.ts';

const native = loadNative();

interface Settings {
  readonly bits: 2 | 3 | 4 | 8;
  readonly group: number;
  readonly sym: boolean;
  readonly act_order: boolean;
  readonly static: boolean;
  readonly damp: number;
  readonly mse: number;
  readonly signed: boolean;
}

const plain = {
  bits: 4,
  groupSize: 32,
  symmetric: true,
  actOrder: false,
  staticGroups: false,
  signedScales: false,
  damping: 0.01,
  mseExponent: 0,
} as const;

const files = readdirSync(fileURLToPath(new URL('../golden/gptq', import.meta.url))).filter((name) => name.endsWith('.safetensors'));

test('there are golden files for every option', () => expect(files.length).toBeGreaterThanOrEqual(13));

describe.each(files)('%s, by the paper in float64', (name) => {
  test.each([1, 3])('every code, scale and zero is the same, with %d threads', async (threads) => {
    const file = await golden(`gptq/${name}`);
    const settings = JSON.parse(file.metadata.get('settings') ?? '') as Settings;
    const [rows = 0] = file.shape('weight');
    const found = await native.gptqQuantize(
      file.floats('weight'),
      rows,
      file.floats('hessian'),
      {
        bits: settings.bits,
        groupSize: settings.group,
        symmetric: settings.sym,
        actOrder: settings.act_order,
        staticGroups: settings.static,
        signedScales: settings.signed,
        damping: settings.damp,
        mseExponent: settings.mse,
      },
      { threads },
    );
    expect(found.fellBack).toBe(false);
    expect(found.scales).toEqual(file.halves('scales'));
    expect(found.zeros).toEqual(file.integers('zeros'));
    expect(found.gIdx).toEqual(file.integers('g_idx'));
    expect(found.codes).toEqual(file.bytes('codes'));
  });
});

test('a Hessian with NaN falls back to the nearest code, and says so', async () => {
  const weight = Float32Array.from({ length: 64 }, (_, i) => (i % 32 === 0 ? 7.5 : (i % 15) - 7));
  const found = await native.gptqQuantize(weight, 2, new Float32Array(32 * 32).fill(NaN), plain);
  expect(found.fellBack).toBe(true);
  // ±7.5 over 15 steps: the scale is 1 and the zero 8, and 7.5 itself is cut off at the last code.
  expect([...found.codes]).toEqual([...weight].map((w) => (w === 7.5 ? 15 : w + 8)));
});

test('a Hessian of zeros, of a matrix that nothing went into, falls back as well: its weights are not lost', async () => {
  const weight = Float32Array.from({ length: 64 }, (_, i) => (i % 32 === 0 ? 7.5 : (i % 15) - 7));
  const found = await native.gptqQuantize(weight, 2, new Float32Array(32 * 32), plain);
  expect(found).toMatchObject({ fellBack: true, deadColumns: 0 });
  expect([...found.codes]).toEqual([...weight].map((w) => (w === 7.5 ? 15 : w + 8)));
});

test('an input that was always zero loses its weights, the others are rounded as ever', async () => {
  const weight = Float32Array.from({ length: 64 }, (_, i) => (i % 32 === 0 ? 7.5 : (i % 15) - 7));
  const hessian = new Float32Array(32 * 32);
  for (let i = 0; i < 32; i += 1) hessian[i * 33] = i === 5 ? 0 : 2;
  const found = await native.gptqQuantize(weight, 2, hessian, plain);
  expect(found).toMatchObject({ fellBack: false, deadColumns: 1 });
  expect([...found.codes]).toEqual([...weight].map((w, i) => (i % 32 === 5 ? 8 : w === 7.5 ? 15 : w + 8)));
});

test('weights that are no numbers are refused', async () => {
  const weight = new Float32Array(32);
  weight[3] = NaN;
  expect((await errorOf(native.gptqQuantize(weight, 1, new Float32Array(1024), plain))).code).toBe('quantize.notFinite');
});

test('a cancelled job ends', async () => {
  const abort = new AbortController();
  const size = 1024;
  const hessian = new Float32Array(size * size);
  for (let i = 0; i < size; i += 1) hessian[i * size + i] = 1;
  const job = native.gptqQuantize(new Float32Array(size * size), size, hessian, plain, { signal: abort.signal });
  abort.abort();
  expect((await errorOf(job)).code).toBe('request.cancelled');
});

describe('the checkpoint layout', () => {
  test.each([
    [2, 0x55555555, 0xaaaaaaaa],
    [4, 0x77777777, 0x88888888],
    [8, 0x7f7f7f7f, 0x80808080],
  ])('symmetric zeros of %d bits are the words that GPTQModel writes', (bits, v1, v2) => {
    const zeros = new Int32Array(32).fill(2 ** (bits - 1));
    const words = new Uint32Array(bits);
    expect(native.gptqPackZeros(bits, 1, 32, zeros, 1, words)).toBe(true);
    expect([...words]).toEqual(Array.from({ length: bits }, () => v1));
    expect(native.gptqPackZeros(bits, 1, 32, zeros, 0, words)).toBe(true);
    expect([...words]).toEqual(Array.from({ length: bits }, () => v2));
  });

  test('a zero of 0 has no field in v1', () => {
    expect(native.gptqPackZeros(4, 1, 32, new Int32Array(32), 1, new Uint32Array(4))).toBe(false);
    expect(native.gptqPackZeros(4, 1, 32, new Int32Array(32), 0, new Uint32Array(4))).toBe(true);
  });

  test('v1 zeros are read without a mask: 15 stands for 16', () => {
    const zeros = new Int32Array(32);
    native.gptqUnpackZeros(4, 1, 32, new Uint32Array(4).fill(0xffffffff), 1, zeros);
    expect(new Set(zeros)).toEqual(new Set([16]));
  });

  test('four-bit codes go eight to a word down the inputs, least significant first', async () => {
    const codes = new Uint8Array(32 * 32);
    for (let k = 0; k < 32; k += 1) codes[k] = k % 16; // output 0
    const words = new Uint32Array(4 * 32);
    await native.gptqPackWeight(4, 32, 32, codes, words, 1);
    expect([words[0], words[32], words[64], words[96]]).toEqual([0x76543210, 0xfedcba98, 0x76543210, 0xfedcba98]);
    expect(words[1]).toBe(0);
  });

  test('three-bit codes straddle words: 10 and 2 bits, 1 bit, 10, 1 bit and 2 bits', async () => {
    // All ones in element 10 alone: bits 30 and 31 of the first word, bit 0 of the second.
    const codes = new Uint8Array(32 * 32);
    codes[10] = 7;
    const words = new Uint32Array(3 * 32);
    await native.gptqPackWeight(3, 32, 32, codes, words, 1);
    expect([words[0], words[32], words[64]]).toEqual([0xc0000000, 1, 0]);
  });

  test.each([2, 3, 4, 8])('%d-bit codes come back as they went in', async (bits) => {
    const random = seededRandom(bits);
    const codes = Uint8Array.from({ length: 96 * 64 }, () => Math.floor(random() * 2 ** bits));
    const words = new Uint32Array(((96 * bits) / 32) * 64);
    await native.gptqPackWeight(bits, 96, 64, codes, words, 2);
    const back = new Uint8Array(codes.length);
    await native.gptqUnpackWeight(bits, 96, 64, words, back, 2);
    expect(back).toEqual(codes);
  });
});

describe('repacking to GGUF', () => {
  const INPUTS = 96;
  const OUTPUTS = 5;
  const GROUPS = 3;
  const gIdx = Int32Array.from({ length: INPUTS }, (_, k) => Math.floor(k / 32));

  /** Random codes and float16 scales, and what they mean, by the formula of the GPTQ checkpoint. */
  function matrix(bits: number, symmetric: boolean, seed: number) {
    const random = seededRandom(seed);
    const codes = Uint8Array.from({ length: INPUTS * OUTPUTS }, () => Math.floor(random() * 2 ** bits));
    const halves = new Float16Array(GROUPS * OUTPUTS).map(() => random() * 0.1 + 0.001);
    const zeros = Int32Array.from({ length: GROUPS * OUTPUTS }, () => (symmetric ? 2 ** (bits - 1) : Math.floor(random() * 17)));
    const weight = Float32Array.from({ length: INPUTS * OUTPUTS }, (_, at) => {
      const group = Math.floor((at % INPUTS) / 32) * OUTPUTS + Math.floor(at / INPUTS);
      return (halves[group] ?? NaN) * ((codes[at] ?? 0) - (zeros[group] ?? 0));
    });
    return { codes, scales: new Uint16Array(halves.buffer), zeros, weight, floats: Float32Array.from(halves) };
  }

  test.each([
    ['Q4_0', 18, 4, true],
    ['Q4_0', 18, 2, true],
    ['Q4_0', 18, 3, true],
    ['Q5_0', 22, 4, false],
    ['Q8_0', 34, 8, true],
  ] as const)('%s: ggml reads from %d-byte blocks exactly what %d-bit GPTQ means', async (type, blockBytes, bits, symmetric) => {
    const { codes, scales, zeros, weight, floats } = matrix(bits, symmetric, bits);
    const blocks = new Uint8Array(blockBytes * 3 * OUTPUTS);
    expect(await native.gptqRepack(type, INPUTS, OUTPUTS, codes, scales, zeros, gIdx, blocks, 2)).toBe('none');
    const restored = new Float32Array(INPUTS * OUTPUTS);
    await native.ggmlDequantize(blocks, type, INPUTS, restored, 2);
    expect(restored).toEqual(weight);
    const direct = new Float32Array(INPUTS * OUTPUTS);
    await native.gptqDequantize(INPUTS, OUTPUTS, codes, floats, zeros, gIdx, direct, 2);
    expect(direct).toEqual(weight);
  });

  test('says why it cannot be exact', async () => {
    const { codes, scales, zeros } = matrix(4, false, 1);
    zeros.fill(0);
    codes[0] = 15;
    const blocks = new Uint8Array(18 * 3 * OUTPUTS);
    expect(await native.gptqRepack('Q4_0', INPUTS, OUTPUTS, codes, scales, zeros, gIdx, blocks, 1)).toBe('outOfRange');
    const scattered = gIdx.map((_, k) => k % 3);
    expect(await native.gptqRepack('Q4_0', INPUTS, OUTPUTS, codes, scales, zeros, scattered, blocks, 1)).toBe('mixedGroup');
  });

  test('a group index beyond the scales is refused before anything is read', async () => {
    const { codes, zeros, floats } = matrix(4, true, 1);
    const target = new Float32Array(codes.length);
    const job = native.gptqDequantize(INPUTS, OUTPUTS, codes, floats, zeros, gIdx.with(7, GROUPS), target, 1);
    expect((await errorOf(job)).code).toBe('quantize.badGroups');
  });
});
