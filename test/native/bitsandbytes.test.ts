import { describe, expect, test } from 'vitest';
import { loadNative } from '#engine/native.ts';
import { seededRandom } from '#test/byte-source.ts';
import { golden } from './golden.ts';

const native = loadNative();

interface QuantState {
  readonly blocksize: number;
  readonly nested_offset?: number;
}

const stateOf = (bytes: Uint8Array): QuantState => JSON.parse(new TextDecoder().decode(bytes)) as QuantState;

describe.each(['nf4-32', 'nf4-64', 'nf4-128', 'nf4-4096', 'nf4-64-dq', 'nf4-64-dq-odd'])('%s, as bitsandbytes wrote it', (name) => {
  test.each([1, 2, 3])('every code and absmax is the same, with %d threads', async (threads) => {
    const file = await golden(`bitsandbytes/${name}.safetensors`);
    const weight = file.floats('weight');
    const state = stateOf(file.bytes('quant_state.bitsandbytes__nf4'));
    const packed = new Uint8Array(Math.ceil(weight.length / 2));
    const absmax = new Float32Array(Math.ceil(weight.length / state.blocksize));
    await native.fourBitQuantize('nf4', weight, state.blocksize, packed, absmax, threads);
    expect(packed).toEqual(file.bytes('packed'));
    if (state.nested_offset === undefined) {
      expect(absmax).toEqual(file.floats('absmax'));
      return;
    }
    const codes = new Uint8Array(absmax.length);
    const nested = new Float32Array(Math.ceil(absmax.length / 256));
    const offset = native.nestAbsmax(absmax, codes, nested);
    // The mean of a few hundred floats: the order of the sum decides the last bits.
    expect(offset).toBeCloseTo(state.nested_offset, 5);
    expect(codes).toEqual(file.bytes('absmax'));
    for (const [i, value] of nested.entries()) expect(value).toBeCloseTo(file.floats('nested_absmax')[i] ?? NaN, 5);
  });
});

describe.each(['fp4-32', 'fp4-64', 'fp4-128', 'fp4-4096'])('%s, as bitsandbytes wrote it', (name) => {
  test('every weight comes out the same; only the sign of a zero may differ', async () => {
    const file = await golden(`bitsandbytes/${name}.safetensors`);
    const weight = file.floats('weight');
    const { blocksize } = stateOf(file.bytes('quant_state.bitsandbytes__fp4'));
    const packed = new Uint8Array(weight.length / 2);
    const absmax = new Float32Array(Math.ceil(weight.length / blocksize));
    await native.fourBitQuantize('fp4', weight, blocksize, packed, absmax, 2);
    // bitsandbytes gives code 8, minus zero, to small positive weights on the CPU, and code 0 on the GPU. Both mean 0.
    const plain = (bytes: Uint8Array): number[] =>
      [...bytes].flatMap((byte) => [byte >> 4, byte & 15]).map((code) => (code === 8 ? 0 : code));
    expect(plain(packed)).toEqual(plain(file.bytes('packed')));
    expect(absmax).toEqual(file.floats('absmax'));
  });
});

// Not nf4-64 and fp4-64: their blocks straddle rows of 160, and there bitsandbytes 0.50.2 reads wrongly on the CPU (golden/README.md).
test.each(['nf4-32', 'nf4-128', 'nf4-4096', 'fp4-32', 'nf4-64-dq', 'nf4-64-dq-odd', 'fp4-64-dq'])(
  'reads %s to the floats that bitsandbytes reads',
  async (name) => {
    const file = await golden(`bitsandbytes/${name}.safetensors`);
    const state = stateOf(file.bytes(`quant_state.bitsandbytes__${name.slice(0, 3)}`));
    let absmax: Float32Array = new Float32Array(0);
    if (state.nested_offset === undefined) absmax = file.floats('absmax');
    else {
      absmax = new Float32Array(file.bytes('absmax').length);
      native.unnestAbsmax(file.floats('nested_quant_map'), file.bytes('absmax'), file.floats('nested_absmax'), state.nested_offset, absmax);
    }
    const restored = new Float32Array(file.floats('weight').length);
    await native.fourBitDequantize(file.floats('quant_map'), file.bytes('packed'), state.blocksize, absmax, restored, 2);
    const expected = file.floats('dequantized');
    expect(restored.map((value) => value + 0)).toEqual(expected.map((value) => value + 0));
  },
);

test('the dynamic map is that of bitsandbytes to the last bit but one, with no -1', async () => {
  const expected = (await golden('bitsandbytes/nf4-64-dq.safetensors')).floats('nested_quant_map');
  const map = native.quantizationMap('dynamic');
  expect(map).toHaveLength(256);
  for (const [i, value] of map.entries()) expect(Math.abs(value - (expected[i] ?? NaN))).toBeLessThanOrEqual(6e-8);
  expect([map[0], map[127], map[255]]).toEqual([expected[0], 0, 1]);
});

describe('INT8', () => {
  test('codes and absmax are those of LLM.int8() in bitsandbytes, ties and zero rows included', async () => {
    const file = await golden('bitsandbytes/int8.safetensors');
    const weight = file.floats('weight');
    const [rows = 0] = file.shape('weight');
    const codes = new Uint8Array(weight.length);
    const scb = new Float32Array(rows);
    expect(await native.int8Quantize(weight, rows, codes, scb, 2)).toBe(0);
    expect(codes).toEqual(file.bytes('CB'));
    expect(scb).toEqual(file.floats('SCB'));
    const restored = new Float32Array(weight.length);
    await native.int8Dequantize(codes, rows, scb, restored, 2);
    for (const [i, value] of file.floats('dequantized').entries()) expect(restored[i]).toBeCloseTo(value, 6);
  });

  test('counts the rows with a weight that float16 cannot hold', async () => {
    const weight = Float32Array.of(1, 2, 70_000, 1, 0, -Infinity, 3, 4);
    expect(await native.int8Quantize(weight, 4, new Uint8Array(8), new Float32Array(4), 1)).toBe(2);
  });

  test('the zero-point form gives its whole range to a row on one side of zero', async () => {
    // By hand: [0, 255/128] in steps of 1/128; [-100/128, 155/128] likewise, with the zero at code 100.
    const weight = Float32Array.of(0, 1, 255 / 128, 0, -100 / 128, 155 / 128, 0, 0, 0);
    const codes = new Uint8Array(9);
    const scales = new Float32Array(3);
    const zeros = new Uint8Array(3);
    await native.int8ZeroPointQuantize(weight, 3, codes, scales, zeros, 1);
    expect([...new Int8Array(codes.buffer)].slice(0, 6)).toEqual([-128, 0, 127, -28, -128, 127]);
    expect([...new Int8Array(zeros.buffer)].slice(0, 2)).toEqual([-128, -28]);
    const restored = new Float32Array(9);
    await native.int8ZeroPointDequantize(codes, 3, scales, zeros, restored, 1);
    expect(restored).toEqual(weight);
  });

  test.each([
    ['lie further apart than a float can tell', [-3e38, 3e38, 1e38, 0]],
    ['lie closer together than a float can divide', [0, 2 ** -149, 2 ** -149, 0]],
  ])('the zero-point form keeps weights that %s, and no scale is zero or infinite', async (_, row) => {
    const weight = Float32Array.from(row);
    const codes = new Uint8Array(row.length);
    const scales = new Float32Array(1);
    const zeros = new Uint8Array(1);
    await native.int8ZeroPointQuantize(weight, 1, codes, scales, zeros, 1);
    const [scale = 0] = scales;
    expect(scale > 0 && Number.isFinite(scale)).toBe(true);
    const restored = new Float32Array(row.length);
    await native.int8ZeroPointDequantize(codes, 1, scales, zeros, restored, 1);
    for (const [i, value] of row.entries()) expect(Math.abs((restored[i] ?? NaN) - value)).toBeLessThanOrEqual(1.01 * scale);
  });

  test('the zero-point form has scales that bfloat16 and float16 hold, and no weight is cut off for it', async () => {
    const random = seededRandom(3);
    const weight = Float32Array.from({ length: 64 * 200 }, (_, i) => (random() - 0.3) * (1 + (i >> 6)) * 0.01);
    const codes = new Uint8Array(weight.length);
    const scales = new Float32Array(200);
    const zeros = new Uint8Array(200);
    await native.int8ZeroPointQuantize(weight, 200, codes, scales, zeros, 2);
    const bits = new Uint32Array(scales.buffer);
    expect(bits.every((each) => (each & 0xffff) === 0)).toBe(true);
    const restored = new Float32Array(weight.length);
    await native.int8ZeroPointDequantize(codes, 200, scales, zeros, restored, 2);
    // Half a step for the code, and half a step more at the ends, where the zero point was rounded.
    for (const [i, value] of weight.entries())
      expect(Math.abs((restored[i] ?? NaN) - value)).toBeLessThanOrEqual((scales[i >> 6] ?? NaN) * 1.001);
  });
});
