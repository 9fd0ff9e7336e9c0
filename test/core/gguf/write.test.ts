import { describe, expect, it } from 'vitest';
import { memorySource } from '#core/byte-source.ts';
import { readGguf } from '#core/gguf/read.ts';
import { readGgufSplit } from '#core/gguf/split.ts';
import { ggmlTypes, tensorBytes, type GgmlTypeName } from '#core/gguf/types.ts';
import { arr, bool, f32, f64, i16, i32, i64, i8, str, u16, u32, u64, u8, type GgufValue } from '#core/gguf/values.ts';
import { planGguf, planGgufSplit, type NewGgufTensor } from '#core/gguf/write.ts';
import { seededRandom, zeroFilled } from '#test/byte-source.ts';
import { errorOf } from '#test/expect-error.ts';
import { gguf } from './bytes.ts';

const tensor = (name: string, dimensions: number[], type: GgmlTypeName = 'F32'): NewGgufTensor => ({ name, type, dimensions });
const source = (plan: { header: Uint8Array; totalBytes: number }, name = 'plan') =>
  memorySource(zeroFilled(plan.header, plan.totalBytes), name);

describe('planGguf', () => {
  it('writes the bytes of the format, field by field', () => {
    const metadata = new Map<string, GgufValue>([
      ['general.architecture', str('llama')],
      ['n', u32(258)],
      ['list', arr('i16', [-1, 2])],
    ]);
    const { header, tensors, totalBytes } = planGguf({ metadata, tensors: [tensor('a', [3, 2]), tensor('b', [32], 'Q4_0')] });
    const expected = gguf().head(2, 3).string('general.architecture').u32(8).string('llama').string('n').u32(4).u32(258);
    expected.string('list').u32(9).u32(3).u64(2).u16(0xffff).u16(2);
    expected.tensor('a', [3, 2], 0, 0).tensor('b', [32], 2, 32).pad();
    expect([...header]).toEqual([...expected.done()]);
    expect(tensors.map(({ offset, sizeBytes, paddedBytes }) => [offset - header.byteLength, sizeBytes, paddedBytes])).toEqual([
      [0, 24, 32],
      [32, 18, 32],
    ]);
    expect(totalBytes).toBe(header.byteLength + 64);
  });

  it('writes the alignment it is asked for, and only then', async () => {
    const tensors = [tensor('a', [3]), tensor('b', [3])];
    const aligned = await readGguf(source(planGguf({ metadata: new Map(), tensors, alignment: 64 })));
    expect(aligned.alignment).toBe(64);
    expect(aligned.metadata.get('general.alignment')).toEqual(u32(64));
    expect((await readGguf(source(planGguf({ metadata: new Map(), tensors, alignment: 32 })))).metadata.size).toBe(0);
    const kept = planGguf({ metadata: aligned.metadata, tensors });
    expect(kept.alignment).toBe(64);
    expect(planGguf({ metadata: aligned.metadata, tensors, alignment: 32 }).alignment).toBe(32);
  });

  it.each([
    ['a name of 64 bytes', [tensor('n'.repeat(64), [1])], 'gguf.invalidTensorName'],
    ['two tensors of one name', [tensor('a', [1]), tensor('a', [1])], 'gguf.duplicateTensor'],
    ['five dimensions', [tensor('a', [1, 1, 1, 1, 1])], 'gguf.tooManyDimensions'],
    ['a negative dimension', [tensor('a', [-32])], 'gguf.invalidShape'],
    ['rows that do not fill blocks', [tensor('a', [172], 'Q8_0')], 'gguf.partialBlock'],
    ['a size above 2^53', [tensor('a', [2 ** 51, 2])], 'gguf.invalidShape'],
    ['tensors that together are above 2^53', [tensor('a', [2 ** 50]), tensor('b', [2 ** 50]), tensor('c', [2 ** 50])], 'gguf.invalidShape'],
  ])('refuses %s', async (_, tensors, code) => {
    expect((await errorOf(() => planGguf({ metadata: new Map(), tensors }))).code).toBe(code);
  });

  it.each([
    ['an alignment that is no power of two', new Map([['general.alignment', u32(48)]]), 'gguf.invalidAlignment'],
    ['an alignment of another type', new Map([['general.alignment', i32(32)]]), 'gguf.wrongValueType'],
    ['an empty key', new Map([['', u32(1)]]), 'gguf.invalidKey'],
    ['a key with a zero byte', new Map([['a\0', u32(1)]]), 'gguf.invalidKey'],
  ])('refuses %s', async (_, metadata, code) => {
    expect((await errorOf(() => planGguf({ metadata, tensors: [] }))).code).toBe(code);
  });

  it('is read back as it was planned: 300 random files', async () => {
    const random = seededRandom(5);
    for (let round = 0; round < 300; round += 1) {
      const model = randomModel(random);
      const plan = planGguf(model);
      const read = await readGguf(source(plan));
      expect(read.metadata).toEqual(model.metadata);
      expect([...read.metadata.keys()]).toEqual([...model.metadata.keys()]);
      expect(read.alignment).toBe(plan.alignment);
      expect(read.dataOffset).toBe(model.tensors.length > 0 ? plan.dataOffset : read.dataOffset);
      expect(read.tensors).toEqual(plan.tensors.map(({ paddedBytes: _, ...planned }) => planned));
    }
  });
});

function randomModel(random: () => number): { metadata: Map<string, GgufValue>; tensors: NewGgufTensor[] } {
  const below = (limit: number): number => Math.floor(random() * limit);
  const text = (): string =>
    Array.from({ length: below(20) }, () => String.fromCodePoint(below(2) === 0 ? 0x20 + below(90) : 0x1f600 + below(60))).join('');
  const many = <T>(make: () => T): T[] => Array.from({ length: below(300) }, make);
  const big = (): bigint => BigInt(below(2 ** 32)) * 2n ** 31n;
  const values: (() => GgufValue)[] = [
    () => u8(below(256)),
    () => i8(below(256) - 128),
    () => u16(below(2 ** 16)),
    () => i16(below(2 ** 16) - 2 ** 15),
    () => u32(below(2 ** 32)),
    () => i32(below(2 ** 32) - 2 ** 31),
    () => f32(random() - 0.5),
    () => f64(random() - 0.5),
    () => bool(below(2) === 0),
    () => str(text()),
    () => u64(big()),
    () => i64(-big()),
    () =>
      arr(
        'u8',
        many(() => below(256)),
      ),
    () =>
      arr(
        'i8',
        many(() => -below(128)),
      ),
    () =>
      arr(
        'u16',
        many(() => below(2 ** 16)),
      ),
    () =>
      arr(
        'i16',
        many(() => -below(2 ** 15)),
      ),
    () =>
      arr(
        'u32',
        many(() => below(2 ** 32)),
      ),
    () =>
      arr(
        'i32',
        many(() => -below(2 ** 31)),
      ),
    () => arr('f32', many(random)),
    () => arr('f64', many(random)),
    () =>
      arr(
        'bool',
        many(() => below(2) === 0),
      ),
    () => arr('str', many(text)),
    () => arr('u64', many(big)),
    () =>
      arr(
        'i64',
        many(() => -big()),
      ),
  ];
  const metadata = new Map<string, GgufValue>(
    Array.from({ length: below(12) }, (_, index) => [`key.${index}.${text()}`, values[below(values.length)]?.() ?? u8(0)]),
  );
  if (below(3) === 0) metadata.set('general.alignment', u32(2 ** below(10)));
  const types = Object.keys(ggmlTypes) as GgmlTypeName[];
  const tensors = Array.from({ length: below(8) }, (_, index) => {
    const type = types[below(types.length)] ?? 'F32';
    return tensor(`t${index}`, [ggmlTypes[type].blockSize * below(4), ...Array.from({ length: below(4) }, () => below(4))], type);
  });
  return { metadata, tensors };
}

describe('planGgufSplit', () => {
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', str('llama')],
    ['tokens', arr('str', ['a', 'b'])],
  ]);
  const tensors = Array.from({ length: 7 }, (_, index) => tensor(`blk.${index}.weight`, [1024]));

  it('keeps one file, without split keys, where the model fits', async () => {
    const [part, ...others] = planGgufSplit({ metadata, tensors }, 'model', 100_000);
    expect(others).toEqual([]);
    expect(part?.fileName).toBe('model.gguf');
    expect((await readGguf(source(part!))).metadata).toEqual(metadata);
  });

  it('keeps every file within the limit and puts the metadata into the first', async () => {
    const parts = planGgufSplit({ metadata, tensors }, 'model', 9000);
    expect(parts.map(({ fileName }) => fileName)).toEqual([1, 2, 3, 4].map((part) => `model-0000${part}-of-00004.gguf`));
    for (const part of parts) expect(part.totalBytes).toBeLessThanOrEqual(9000);
    const read = await readGgufSplit(parts.map((part) => source(part, part.fileName)));
    expect(read.metadata).toEqual(metadata);
    expect(read.tensors.map(({ name, part }) => [name, part])).toEqual(tensors.map(({ name }, index) => [name, Math.floor(index / 2)]));
    expect([...(read.parts[1]?.metadata ?? [])]).toEqual([
      ['split.no', u16(1)],
      ['split.count', u16(4)],
      ['split.tensors.count', i32(7)],
    ]);
    expect([...(read.parts[0]?.metadata.keys() ?? [])]).toEqual([
      'general.architecture',
      'tokens',
      'split.no',
      'split.count',
      'split.tensors.count',
    ]);
  });

  it('uses a limit to its last byte', () => {
    const [first] = planGgufSplit({ metadata, tensors }, 'model', 9000);
    const exact = first?.totalBytes ?? 0;
    expect(planGgufSplit({ metadata, tensors }, 'model', exact)[0]?.tensors).toHaveLength(2);
    expect(planGgufSplit({ metadata, tensors }, 'model', exact - 1)[0]?.tensors).toHaveLength(1);
  });

  it('gives a tensor larger than the limit a file of its own', () => {
    const parts = planGgufSplit({ metadata, tensors: [tensor('a', [8]), tensor('huge', [4096]), tensor('b', [8])] }, 'model', 1000);
    expect(parts.map((part) => part.tensors.map(({ name }) => name))).toEqual([['a'], ['huge'], ['b']]);
  });

  it('keeps an unusual alignment in every part, and forgets an earlier split', async () => {
    const earlier = new Map([...metadata, ['split.no', u16(3)], ['split.count', u16(9)]] as const);
    const parts = planGgufSplit({ metadata: earlier, tensors, alignment: 128 }, 'model', 9000);
    const read = await readGgufSplit(parts.map((part) => source(part)));
    expect(read.parts.every(({ alignment }) => alignment === 128)).toBe(true);
    expect(read.parts[0]?.metadata.get('split.no')).toEqual(u16(0));
  });

  it('refuses more parts than a split can count', async () => {
    const many = Array.from({ length: 65_536 }, (_, index) => tensor(String(index), [8]));
    expect(await errorOf(() => planGgufSplit({ metadata, tensors: many }, 'model', 1))).toMatchObject({
      code: 'gguf.tooManyParts',
      params: { found: 65_536 },
    });
  });
});

describe('values', () => {
  it.each<[string, () => unknown]>([
    ['u8(256)', () => u8(256)],
    ['u8(-1)', () => u8(-1)],
    ['i8(128)', () => i8(128)],
    ['u16(65536)', () => u16(65_536)],
    ['i16(-32769)', () => i16(-32_769)],
    ['u32(2^32)', () => u32(2 ** 32)],
    ['i32(2^31)', () => i32(2 ** 31)],
    ['u32(1.5)', () => u32(1.5)],
    ['u32(NaN)', () => u32(NaN)],
    ['u32(Infinity)', () => u32(Infinity)],
    ['u64(-1)', () => u64(-1)],
    ['u64(2^64)', () => u64(2n ** 64n)],
    ['u64(2^53)', () => u64(2 ** 53)],
    ['i64(2^63)', () => i64(2n ** 63n)],
    ["arr('u8', [256])", () => arr('u8', [256])],
    ["arr('i32', [0.5])", () => arr('i32', [0.5])],
    ["arr('u64', [-1n])", () => arr('u64', [-1n])],
  ])('refuses %s, which another number would be written for', async (_, make) => {
    expect((await errorOf(make)).code).toBe('gguf.valueOutOfRange');
  });

  it('takes the ends of every range', () => {
    expect([u8(255), i8(-128), u16(65_535), i16(-32_768), u32(2 ** 32 - 1), i32(-(2 ** 31))].map(({ value }) => value)).toEqual([
      255, -128, 65_535, -32_768, 4_294_967_295, -2_147_483_648,
    ]);
    expect([u64(2n ** 64n - 1n).value, i64(-(2n ** 63n)).value]).toEqual([18_446_744_073_709_551_615n, -9_223_372_036_854_775_808n]);
    expect(arr('u64', [1, 2n]).value).toEqual(BigUint64Array.of(1n, 2n));
  });
});

describe('tensorBytes', () => {
  it.each<[GgmlTypeName, number[], number]>([
    ['F32', [], 4],
    ['F32', [3], 12],
    ['BF16', [5, 7], 70],
    ['Q8_0', [64, 3], 204],
    ['Q4_K', [4096, 128_256], 295_501_824],
    ['MXFP4', [32], 17],
    ['Q6_K', [256, 0], 0],
  ])('%s %j takes %i bytes', (type, dimensions, expected) => {
    expect(tensorBytes(type, dimensions)).toBe(expected);
  });
});
