import { describe, expect, test } from 'vitest';
import { loadNative, type CpuLevel, type FloatType } from '#engine/native.ts';

/**
 * The truth here is JavaScript's own: `Float16Array` and `Math.fround` round as IEEE 754 says. For bfloat16, which
 * JavaScript lacks, it is the nearer of the two neighbours, found by comparing distances.
 */
const native = loadNative();
const { kernels } = native.systemInfo();
const levels: CpuLevel[] = ['plain', ...(['avx2', 'avx512', 'neon'] as const).filter((level) => kernels[level])];

type Target = Exclude<FloatType, 'F64'>;
const sizes: Readonly<Record<FloatType, number>> = { F32: 4, F16: 2, BF16: 2, F64: 8 };

const bytesOf = (array: ArrayBufferView): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** Cast, and the target's bits. */
async function bitsOf(from: FloatType, source: ArrayBufferView, to: Target, level: CpuLevel): Promise<Uint16Array | Uint32Array> {
  const count = source.byteLength / sizes[from];
  const target = to === 'F32' ? new Uint32Array(count) : new Uint16Array(count);
  await native.cast(from, bytesOf(source), to, bytesOf(target), level);
  return target;
}

/** Where two runs of bits differ first, for a message of one line. */
function firstDifference(found: ArrayLike<number>, expected: ArrayLike<number>, input: ArrayLike<number>): string | null {
  if (found.length !== expected.length) return `${found.length} elements in place of ${expected.length}`;
  for (let i = 0; i < expected.length; i += 1)
    if (found[i] !== expected[i]) return `${input[i]} became ${found[i]?.toString(16)} in place of ${expected[i]?.toString(16)}`;
  return null;
}

const all16 = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
const isNan16 = (bits: number): boolean => (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0;
const isNanB16 = (bits: number): boolean => (bits & 0x7f80) === 0x7f80 && (bits & 0x7f) !== 0;
const allF16 = all16.filter((bits) => !isNan16(bits));
const allBf16 = all16.filter((bits) => !isNanB16(bits));

const f16Bits = (values: ArrayLike<number>): Uint16Array => new Uint16Array(Float16Array.from(values).buffer);
const f32Bits = (values: ArrayLike<number>): Uint32Array => new Uint32Array(Float32Array.from(values).buffer);
const f16Values = (bits: Uint16Array): Float32Array<ArrayBuffer> => Float32Array.from(new Float16Array(Uint16Array.from(bits).buffer));
const bf16Value = (bits: number): number => new Float32Array(Uint32Array.of(bits * 0x1_0000).buffer)[0] ?? 0;
const bf16Values = (bits: Uint16Array): Float32Array<ArrayBuffer> => Float32Array.from(bits, bf16Value);

/** The finite ones from 0 on by their bits, and what would come next. */
const positiveBf16 = Float64Array.from({ length: 0x7f81 }, (_, bits) => (bits === 0x7f80 ? 2 ** 128 : bf16Value(bits)));

/** The bfloat16 nearest to a number; on a tie the one whose last bit is 0. */
function nearestBf16(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude === Infinity) return sign | 0x7f80;
  if (magnitude >= 2 ** 128) return sign | 0x7f80;
  let low = 0;
  for (let step = 0x4000; step > 0; step >>= 1) if (low + step < 0x7f80 && (positiveBf16[low + step] ?? 0) <= magnitude) low += step;
  const below = magnitude - (positiveBf16[low] ?? 0);
  const above = (positiveBf16[low + 1] ?? 0) - magnitude;
  return sign | (below < above || (below === above && low % 2 === 0) ? low : low + 1);
}

/** Bits that are the same in every run (xorshift32), so that a failure comes again. */
function randomWords(count: number, seed: number): Uint32Array<ArrayBuffer> {
  let state = seed;
  return Uint32Array.from({ length: count }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  });
}

/** Each number of a 16-bit type, its halfway point to the next, and the floats beside that. */
function aroundHalves(values: Float32Array): Float32Array {
  const sorted = values.filter(Number.isFinite).sort();
  const found: number[] = [];
  for (const [i, value] of sorted.entries()) {
    const next = sorted[i + 1];
    if (next === undefined) break;
    const middle = Math.fround(value + (next - value) / 2);
    const bits = f32Bits([middle])[0] ?? 0;
    found.push(value, middle);
    for (const neighbour of [bits - 1, bits + 1]) {
      const float = new Float32Array(Uint32Array.of(neighbour).buffer)[0];
      if (float !== undefined && Number.isFinite(float)) found.push(float);
    }
  }
  return Float32Array.from(found);
}

const edges = Float32Array.of(
  0,
  -0,
  1,
  -1,
  65504,
  65519.996,
  65520,
  -65520,
  65536,
  1e38,
  -1e38,
  Infinity,
  -Infinity,

  2 ** -14,
  2 ** -24,
  2 ** -25,
  2 ** -25 * 1.0001,
  2 ** -26,
  2 ** -149,
  -(2 ** -149),
  2 ** -126,
  2 ** -133,
  3.4028234663852886e38,
  3.3895313892515355e38,
  3.3961775292304e38,
);
const randomFloats = new Float32Array(randomWords(200_000, 7).buffer).filter((value) => !Number.isNaN(value));

describe.each(levels)('a cast with the %s kernels', (level) => {
  test('gives each of the 65,536 float16 its value in float32', async () => {
    const found = await bitsOf('F16', allF16, 'F32', level);
    expect(firstDifference(found, f32Bits(new Float16Array(allF16.slice().buffer)), allF16)).toBeNull();
  });

  test('gives each of the 65,536 bfloat16 its value in float32', async () => {
    const found = await bitsOf('BF16', all16, 'F32', level);
    expect(
      firstDifference(
        found,
        Uint32Array.from(all16, (bits) => bits * 0x1_0000),
        all16,
      ),
    ).toBeNull();
  });

  test('brings every float16 and bfloat16 back from float32 unchanged', async () => {
    expect(firstDifference(await bitsOf('F32', f16Values(allF16), 'F16', level), allF16, allF16)).toBeNull();
    expect(firstDifference(await bitsOf('F32', bf16Values(allBf16), 'BF16', level), allBf16, allBf16)).toBeNull();
  });

  test('rounds float32 to the nearest float16, ties to even', async () => {
    for (const values of [aroundHalves(f16Values(allF16)), edges, randomFloats])
      expect(firstDifference(await bitsOf('F32', values, 'F16', level), f16Bits(values), values)).toBeNull();
  });

  test('rounds float32 to the nearest bfloat16, ties to even', async () => {
    for (const values of [aroundHalves(bf16Values(allBf16)), edges, randomFloats])
      expect(firstDifference(await bitsOf('F32', values, 'BF16', level), Uint16Array.from(values, nearestBf16), values)).toBeNull();
  });

  test('rounds between the 16-bit types as through float32, which holds both', async () => {
    const toBf16 = await bitsOf('F16', allF16, 'BF16', level);
    expect(firstDifference(toBf16, Uint16Array.from(f16Values(allF16), nearestBf16), allF16)).toBeNull();
    const toF16 = await bitsOf('BF16', allBf16, 'F16', level);
    expect(firstDifference(toF16, f16Bits(bf16Values(allBf16)), allBf16)).toBeNull();
  });

  test('rounds a double once: what lies a hair beside a halfway point does not go through float32', async () => {
    const halves = [
      ...aroundHalves(f16Values(allF16)).filter((_, i) => i % 17 === 0),
      ...aroundHalves(bf16Values(allBf16)).filter((_, i) => i % 29 === 0),
    ];
    const doubles = Float64Array.from([
      ...halves,
      ...halves.map((half) => half * (1 + 2 ** -40)),
      ...halves.map((half) => half * (1 - 2 ** -40)),
      1e300,
      -1e-300,
      5e-324,
      -0,
      Infinity,
    ]);
    expect(firstDifference(await bitsOf('F64', doubles, 'F16', level), f16Bits(doubles), doubles)).toBeNull();
    expect(firstDifference(await bitsOf('F64', doubles, 'BF16', level), Uint16Array.from(doubles, nearestBf16), doubles)).toBeNull();
    expect(
      firstDifference(await bitsOf('F64', doubles, 'F32', level), f32Bits(Float32Array.from(doubles, Math.fround)), doubles),
    ).toBeNull();
  });

  test('keeps a NaN a NaN, with its sign, and makes it quiet', async () => {
    const nans = Uint32Array.of(0x7f800001, 0x7fc00000, 0x7fffffff, 0xff800001, 0xffc12345, 0x7f8fffff);
    const toF16 = await bitsOf('F32', nans, 'F16', level);
    const toBf16 = await bitsOf('F32', nans, 'BF16', level);
    for (const [i, bits] of nans.entries()) {
      const sign = bits >>> 31;
      const half = toF16[i] ?? 0;
      const bfloat = toBf16[i] ?? 0;
      expect([isNan16(half), half >> 9 === (sign << 6) + 0x3f, isNanB16(bfloat), bfloat >> 6 === (sign << 9) + 0x1ff]).toEqual([
        true,
        true,
        true,
        true,
      ]);
    }
  });

  test('counts infinities and NaNs of the input, and numbers that became infinite', async () => {
    const values = Float32Array.of(1, NaN, Infinity, -Infinity, 65519.99, 65520, -1e30, 3.4e38, 2, 3, 4, 5, 6, 7, 8, 9, 10, 70000, NaN);
    const target = new Uint16Array(values.length);
    expect(await native.cast('F32', bytesOf(values), 'F16', bytesOf(target), level)).toEqual({ nonFinite: 4, overflowed: 4 });
    expect(await native.cast('F32', bytesOf(values), 'BF16', bytesOf(target), level)).toEqual({ nonFinite: 4, overflowed: 1 });
    expect(await native.cast('F32', bytesOf(values), 'F32', bytesOf(new Float32Array(values.length)), level)).toEqual({
      nonFinite: 4,
      overflowed: 0,
    });
    const doubles = Float64Array.of(1e39, -1e300, NaN, 65520, 1);
    expect(await native.cast('F64', bytesOf(doubles), 'F32', bytesOf(new Float32Array(5)), level)).toEqual({ nonFinite: 1, overflowed: 2 });
    expect(await native.cast('F64', bytesOf(doubles), 'F16', bytesOf(new Uint16Array(5)), level)).toEqual({ nonFinite: 1, overflowed: 3 });
  });

  test('takes any length at any address, and writes nothing beside its target', async () => {
    const words = randomWords(80, 3);
    const problems: string[] = [];
    for (const [from, to] of [
      ['F32', 'F16'],
      ['F32', 'BF16'],
      ['F16', 'F32'],
      ['BF16', 'F32'],
      ['BF16', 'F16'],
      ['F64', 'F16'],
      ['F16', 'F16'],
    ] as const)
      for (let count = 0; count <= 35; count += 1) {
        const aligned = bytesOf(words).slice(0, count * sizes[from]);
        const expected = new Uint8Array(count * sizes[to]);
        await native.cast(from, aligned, to, expected, level);
        const shifted = new Uint8Array(aligned.byteLength + 3).fill(0xee);
        shifted.set(aligned, 3);
        const room = new Uint8Array(expected.byteLength + 2).fill(0xaa);
        await native.cast(from, shifted.subarray(3), to, room.subarray(1, -1), level);
        if (!Buffer.from(room).equals(Buffer.from([0xaa, ...expected, 0xaa]))) problems.push(`${from} to ${to}, ${count}`);
      }
    expect(problems).toEqual([]);
  });
});

test('every version of the kernel gives the same bits, NaNs included', async () => {
  const words = randomWords(100_003, 11);
  // Exponents of all ones are rare in random bits: half of the words become infinities and NaNs of each type.
  const source = words.map((word, i) => (i % 4 === 0 ? (word | 0x7f80_0000) >>> 0 : i % 4 === 1 ? (word | 0x7c00_7c00) >>> 0 : word));
  const differing: string[] = [];
  for (const from of ['F32', 'F16', 'BF16', 'F64'] as const)
    for (const to of ['F32', 'F16', 'BF16'] as const) {
      const bytes = bytesOf(source).subarray(0, 100_000 * 4);
      const reference = await bitsOf(from, bytes, to, 'plain');
      for (const level of levels) {
        const found = await bitsOf(from, bytes, to, level);
        if (!Buffer.from(bytesOf(found)).equals(Buffer.from(bytesOf(reference)))) differing.push(`${from} to ${to}: ${level}`);
      }
    }
  expect(levels.length).toBeGreaterThan(1);
  expect(differing).toEqual([]);
});

test('a cast to the same type copies bits, signalling NaNs too', async () => {
  expect(firstDifference(await bitsOf('F16', all16, 'F16', 'plain'), all16, all16)).toBeNull();
  const floats = Uint32Array.of(0x7f800001, 0xff800001, 1);
  expect(await bitsOf('F32', floats, 'F32', 'plain')).toEqual(floats);
});

describe('a cast that makes no sense is refused', () => {
  const bytes = new Uint8Array(16);
  test.each<[string, () => Promise<unknown>, RegExp]>([
    ['sizes that do not fit', () => native.cast('F32', bytes, 'F16', new Uint8Array(9)), /another number of elements/],
    ['a source that ends within a number', () => native.cast('F32', bytes.subarray(1), 'F16', new Uint8Array(6)), /ends within/],
    ['a target that overlaps', () => native.cast('F32', bytes.subarray(0, 8), 'F16', bytes.subarray(4, 8)), /overlaps/],
    ['a type that is not one', () => native.cast('F31' as 'F32', bytes, 'F16', new Uint8Array(8)), /from is not one/],
    ['a target of doubles', () => native.cast('F32', bytes.subarray(0, 8), 'F64' as 'F32', new Uint8Array(16)), /cannot be F64/],
    [
      'an array of another kind',
      () => native.cast('F32', new Float32Array(4) as unknown as Uint8Array, 'F16', new Uint8Array(8)),
      /Uint8Array/,
    ],
  ])('%s', async (_, job, message) => {
    await expect(job()).rejects.toThrow(message);
    await expect(job()).rejects.toBeInstanceOf(TypeError);
  });
});
