import { describe, expect, it } from 'vitest';
import { memorySource } from '#core/byte-source.ts';
import { GiB, MiB } from '#core/bytes.ts';
import { describeError } from '#core/errors/index.ts';
import { readGguf } from '#core/gguf/read.ts';
import { sparseSource } from '#test/byte-source.ts';
import { errorOf } from '#test/expect-error.ts';
import { gguf, type GgufBytes } from './bytes.ts';

const U8 = 0,
  U32 = 4,
  I32 = 5,
  F32 = 6,
  BOOL = 7,
  STR = 8,
  ARR = 9,
  U64 = 10;
const MAX = 2n ** 64n - 1n;

const read = (bytes: GgufBytes | Uint8Array) => readGguf(memorySource(bytes instanceof Uint8Array ? bytes : bytes.done(), 'model.gguf'));
const refusal = (bytes: GgufBytes | Uint8Array) => errorOf(read(bytes));

/** One F32 tensor with its data. */
const oneTensor = (dimensions: readonly (number | bigint)[], type = 0, dataBytes = 64) =>
  gguf().head(1, 0).tensor('t', dimensions, type, 0).pad().zeros(dataBytes);
const withKey = (fill: (bytes: GgufBytes) => GgufBytes) => fill(gguf().head(0, 1).string('key'));
const withAlignment = (alignment: number) =>
  gguf()
    .head(2, 1)
    .string('general.alignment')
    .u32(U32)
    .u32(alignment)
    .tensor('a', [3], 0, 0)
    .tensor('b', [3], 0, alignment < 13 ? Math.ceil(12 / Math.max(alignment, 1)) * alignment : alignment);

describe('readGguf, the hand-made cases of llama.cpp (tests/test-gguf.cpp)', () => {
  it.each([
    ['HEADER_BAD_MAGIC', gguf().raw(0x46, 0x55, 0x47, 0x47).u32(3).u64(0).u64(0), 'gguf.badMagic'],
    ['HEADER_BAD_VERSION_0', gguf().head(0, 0, 0), 'gguf.unsupportedVersion'],
    ['HEADER_BAD_VERSION_1', gguf().head(0, 0, 1), 'gguf.unsupportedVersion'],
    ['HEADER_BAD_VERSION_FUTURE', gguf().head(0, 0, 4), 'gguf.unsupportedVersion'],
    ['HEADER_BAD_N_KV', gguf().head(0, MAX), 'gguf.tooManyKeys'],
    ['HEADER_BAD_N_TENSORS', gguf().head(MAX, 0), 'gguf.tooManyTensors'],
    ['KV_BAD_KEY_SIZE', gguf().head(0, 1).u64(MAX).raw(0x6b), 'gguf.stringTooLong'],
    ['KV_EMPTY_KEY', gguf().head(0, 1).string('').u32(U8).raw(1), 'gguf.invalidKey'],
    ['KV_BAD_TYPE', withKey((b) => b.u32(13).raw(1)), 'gguf.unknownValueType'],
    ['KV_BAD_TYPE of elements', withKey((b) => b.u32(ARR).u32(13).u64(1).raw(1)), 'gguf.unknownValueType'],
    ['KV_DUPLICATE_KEY', gguf().head(0, 2).string('k').u32(U8).raw(1).string('k').u32(U8).raw(2), 'gguf.duplicateKey'],
    ['KV_BAD_ALIGN', gguf().head(0, 1).string('general.alignment').u32(U32).u32(13), 'gguf.invalidAlignment'],
    ['KV_WRONG_TYPE_ALIGN', gguf().head(0, 1).string('general.alignment').u32(I32).u32(32), 'gguf.wrongValueType'],
    [
      'TENSORS_BAD_NAME_SIZE',
      gguf()
        .head(1, 0)
        .tensor(`my_tensor_0${'_'.repeat(60)}`, [1], 0, 0)
        .pad()
        .zeros(32),
      'gguf.invalidTensorName',
    ],
    ['TENSORS_BAD_N_DIMS', oneTensor([1, 1, 1, 1, 1]), 'gguf.tooManyDimensions'],
    ['TENSORS_BAD_SHAPE', oneTensor([-1n, -1n]), 'gguf.invalidShape'],
    ['TENSORS_NE_TOO_BIG', oneTensor([4n * (2n ** 31n - 1n), 4n * (2n ** 31n - 1n)]), 'gguf.invalidShape'],
    ['TENSORS_NBYTES_TOO_BIG', oneTensor([1_533_701_504n, 1_533_701_504n], 27), 'gguf.invalidShape'],
    ['TENSORS_BAD_TYPE', oneTensor([1], 43), 'gguf.unknownTensorType'],
    ['TENSORS_BAD_OFFSET', gguf().head(1, 0).tensor('t', [1], 0, MAX).pad().zeros(32), 'gguf.invalidOffset'],
    ['TENSORS_DUPLICATE_NAME', gguf().head(2, 0).tensor('t', [1], 0, 0).tensor('t', [1], 0, 32).pad().zeros(64), 'gguf.duplicateTensor'],
    ['TENSORS_BAD_ALIGN', withAlignment(13).pad(13).zeros(26), 'gguf.invalidAlignment'],
    ['TENSORS_INCONSISTENT_ALIGN', gguf().head(2, 0).tensor('a', [3], 0, 0).tensor('b', [3], 0, 12).pad().zeros(64), 'gguf.invalidOffset'],
    ['DATA_NOT_ENOUGH_DATA', gguf().head(1, 0).tensor('t', [8], 0, 0).pad().zeros(31), 'gguf.truncated'],
    [
      'DATA_MEM_SIZE_OVERFLOW',
      gguf()
        .head(2, 0)
        .tensor('a', [0x7fff_ffff_ffff_ffc0n], 24, 0)
        .tensor('b', [0x7fff_ffff_ffff_ffc0n], 24, 0x7fff_ffff_ffff_ffc0n)
        .pad()
        .zeros(32),
      'gguf.invalidShape',
    ],
  ])('refuses %s', async (_, bytes, code) => {
    expect((await refusal(bytes)).code).toBe(code);
  });

  it('reads HEADER_EMPTY, padded or not', async () => {
    for (const bytes of [gguf().head(0, 0), gguf().head(0, 0).pad()])
      expect(await read(bytes)).toMatchObject({ version: 3, alignment: 32, tensors: [], dataOffset: 24 });
  });

  it('reads TENSORS_ZERO_DIM as a tensor of no bytes', async () => {
    expect((await read(gguf().head(1, 0).tensor('t', [256, 0], 12, 0).pad())).tensors).toEqual([
      { name: 't', type: 'Q4_K', dimensions: [256, 0], offset: 96, sizeBytes: 0 },
    ]);
  });

  it('reads TENSORS_CUSTOM_ALIGN: an alignment of 1 leaves no gaps', async () => {
    const { alignment, tensors, dataOffset } = await read(withAlignment(1).zeros(24));
    expect(alignment).toBe(1);
    expect(tensors.map(({ offset, sizeBytes }) => [offset - dataOffset, sizeBytes])).toEqual([
      [0, 12],
      [12, 12],
    ]);
  });

  it('reads DATA_SUCCESS: offsets in the file, sizes without padding, bytes after the end passed over', async () => {
    const bytes = gguf().head(2, 0).tensor('a', [3], 0, 0).tensor('b', [2, 2], 1, 32).pad();
    const start = bytes.length;
    const { tensors, dataOffset } = await read(bytes.zeros(64).zeros(1));
    expect(dataOffset).toBe(start);
    expect(tensors).toEqual([
      { name: 'a', type: 'F32', dimensions: [3], offset: start, sizeBytes: 12 },
      { name: 'b', type: 'F16', dimensions: [2, 2], offset: start + 32, sizeBytes: 8 },
    ]);
  });

  it('reads KV_SUCCESS: a value of each type (RANDOM_KV)', async () => {
    const bytes = gguf()
      .head(0, 4)
      .string('u8')
      .u32(U8)
      .raw(7)
      .string('bool')
      .u32(BOOL)
      .raw(2)
      .string('u64')
      .u32(U64)
      .u64(MAX)
      .string('list')
      .u32(ARR)
      .u32(STR)
      .u64(2)
      .string('')
      .string('x');
    expect([...(await read(bytes)).metadata]).toEqual([
      ['u8', { type: 'u8', value: 7 }],
      ['bool', { type: 'bool', value: true }],
      ['u64', { type: 'u64', value: MAX }],
      ['list', { type: 'arr', elementType: 'str', value: ['', 'x'] }],
    ]);
  });
});

describe('readGguf, files made to do harm', () => {
  it.each([
    [
      'dimensions whose product wraps to 4 in 64 bits (gguf-py #19856)',
      oneTensor([4_194_305n, 4_194_305n, 211_106_198_978_564n]),
      'gguf.invalidShape',
    ],
    ['dimensions whose product wraps to 0 in 64 bits', oneTensor([2n ** 32n, 2n ** 32n]), 'gguf.invalidShape'],
    ['absurd dimensions beside a zero', oneTensor([0, 2n ** 62n, 2n ** 62n]), 'gguf.invalidShape'],
    ['a dimension above 2^53', oneTensor([2n ** 53n + 32n], 24), 'gguf.invalidShape'],
    ['a million dimensions', gguf().head(1, 0).string('t').u32(1_000_000).zeros(64), 'gguf.tooManyDimensions'],
    ['a row that is no whole number of blocks', oneTensor([48], 2), 'gguf.partialBlock'],
    ['rows that only together are whole blocks', oneTensor([16, 2], 2), 'gguf.partialBlock'],
    ['a scalar of a block type', oneTensor([], 2), 'gguf.partialBlock'],
    ['a type with the sign bit', oneTensor([1], 2 ** 31), 'gguf.unknownTensorType'],
    ['an alignment of 0', gguf().head(0, 1).string('general.alignment').u32(U32).u32(0), 'gguf.invalidAlignment'],
    [
      'an alignment of 2^31 + 1',
      gguf()
        .head(0, 1)
        .string('general.alignment')
        .u32(U32)
        .u32(2 ** 31 + 1),
      'gguf.invalidAlignment',
    ],
    ['an alignment that is a list', gguf().head(0, 1).string('general.alignment').u32(ARR).u32(U32).u64(1).u32(32), 'gguf.wrongValueType'],
    ['a list of lists', withKey((b) => b.u32(ARR).u32(ARR).u64(1).u32(U8).u64(0)), 'gguf.nestedArray'],
    ['a list of 2^64 - 1 bytes', withKey((b) => b.u32(ARR).u32(U8).u64(MAX)), 'gguf.headerTruncated'],
    [
      'a list of 2^61 numbers, whose bytes wrap to 0',
      withKey((b) =>
        b
          .u32(ARR)
          .u32(U64)
          .u64(2n ** 61n),
      ),
      'gguf.headerTruncated',
    ],
    ['a list of 2^64 - 1 strings', withKey((b) => b.u32(ARR).u32(STR).u64(MAX)), 'gguf.tooManyStrings'],
    ['a list with more strings than bytes', withKey((b) => b.u32(ARR).u32(STR).u64(1_000_000).zeros(16)), 'gguf.headerTruncated'],
    ['a string of 2^63 bytes', withKey((b) => b.u32(STR).u64(2n ** 63n)), 'gguf.stringTooLong'],
    [
      'a string in a list of 2^63 bytes',
      withKey((b) =>
        b
          .u32(ARR)
          .u32(STR)
          .u64(1)
          .u64(2n ** 63n),
      ),
      'gguf.stringTooLong',
    ],
    ['a string longer than the file', withKey((b) => b.u32(STR).u64(1000).raw(1)), 'gguf.headerTruncated'],
    ['a key with a zero byte', gguf().head(0, 1).string('a\0b').u32(U8).raw(1), 'gguf.invalidKey'],
    ['a key of 65,536 bytes', gguf().head(0, 1).string('k'.repeat(65_536)).u32(U8).raw(1), 'gguf.invalidKey'],
    ['a tensor name with a zero byte', gguf().head(1, 0).tensor('a\0b', [1], 0, 0).pad().zeros(32), 'gguf.invalidTensorName'],
    ['a tensor without a name', gguf().head(1, 0).tensor('', [1], 0, 0).pad().zeros(32), 'gguf.invalidTensorName'],
    [
      'a name of 64 bytes in 32 characters',
      gguf().head(1, 0).tensor('\u00e9'.repeat(32), [1], 0, 0).pad().zeros(32),
      'gguf.invalidTensorName',
    ],
    [
      'a gap before the data of a tensor',
      gguf().head(2, 0).tensor('a', [1], 0, 0).tensor('b', [1], 0, 64).pad().zeros(96),
      'gguf.invalidOffset',
    ],
    [
      'tensors in another order than their data',
      gguf().head(2, 0).tensor('a', [1], 0, 32).tensor('b', [1], 0, 0).pad().zeros(64),
      'gguf.invalidOffset',
    ],
    ['a big-endian file', gguf().head(0, 0, 0x0300_0000), 'gguf.bigEndian'],
    ['an old GGML file', gguf().raw(0x6c, 0x6d, 0x67, 0x67).zeros(32), 'gguf.badMagic'],
    ['an empty file', gguf(), 'gguf.badMagic'],
    ['a file of three bytes', gguf().raw(0x47, 0x47, 0x55), 'gguf.badMagic'],
    ['a file that ends in its version', gguf().raw(0x47, 0x47, 0x55, 0x46, 3), 'gguf.headerTruncated'],
    ['a file that ends in its counts', gguf().head(0, 0).done().subarray(0, 20), 'gguf.headerTruncated'],
    ['a file that ends in a key', gguf().head(0, 1).u64(5).raw(0x6b), 'gguf.headerTruncated'],
    ['a file that ends in the list of tensors', gguf().head(2, 0).tensor('a', [1], 0, 0), 'gguf.headerTruncated'],
    ['a file that ends before its data begins', gguf().head(1, 0).tensor('a', [0], 0, 0), 'gguf.truncated'],
  ])('refuses %s', async (_, bytes, code) => {
    expect((await refusal(bytes)).code).toBe(code);
  });

  it.each([4, 5, 31, 32, 33, 36, 37, 38])('refuses the removed type %i', async (type) => {
    expect(await refusal(oneTensor([256], type))).toMatchObject({ code: 'gguf.removedTensorType', params: { found: type, tensor: 't' } });
  });

  it('refuses shapes that are individually plausible but cannot fit in the file, and says how much is missing', async () => {
    const head = gguf()
      .head(2, 0)
      .tensor('a', [4096, 128_256], 1, 0)
      .tensor('b', [4096, 128_256], 1, 4096 * 128_256 * 2)
      .pad();
    const complete = head.length + 2 * 4096 * 128_256 * 2;
    const error = await errorOf(readGguf(sparseSource(head.done(), complete - 1.25 * GiB, 'model.gguf')));
    expect(error).toMatchObject({ code: 'gguf.truncated', params: { file: 'model.gguf', missingBytes: 1.25 * GiB } });
    expect(describeError(error).what).toBe('model.gguf ends 1.25 GiB early: the download is incomplete.');
    expect((await readGguf(sparseSource(head.done(), complete))).tensors).toHaveLength(2);
  });

  it('reads no more than a window of a file of a tebibyte', async () => {
    const source = sparseSource(
      gguf()
        .head(1, 0)
        .tensor('a', [2 ** 38], 0, 0)
        .pad()
        .done(),
      2 ** 40 + 64,
    );
    expect((await readGguf(source)).tensors[0]?.sizeBytes).toBe(2 ** 40);
    expect(source.readBytes).toBeLessThanOrEqual(MiB + 8);
  });

  it('takes no memory for what a header merely claims', async () => {
    const claims = [
      gguf().head(2 ** 18, 2 ** 16),
      gguf()
        .head(0, 1)
        .string('k')
        .u32(ARR)
        .u32(U8)
        .u64(2 ** 30),
      gguf()
        .head(0, 1)
        .string('k')
        .u32(ARR)
        .u32(U64)
        .u64(2 ** 36),
      gguf()
        .head(0, 1)
        .string('k')
        .u32(STR)
        .u64(2 ** 31),
      gguf()
        .head(0, 1)
        .u64(2 ** 31),
    ];
    for (const claim of claims) {
      const source = sparseSource(claim.done(), 2 ** 40);
      const { code } = await errorOf(readGguf(source));
      expect(code).toMatch(/^gguf\.(headerTooLarge|stringTooLong|invalidKey)$/);
      expect(source.readBytes).toBeLessThanOrEqual(MiB + 8);
    }
  });

  it('reads on where a value crosses the end of a window', async () => {
    // The strings of 11 bytes each put every boundary of a window into a different part of a string.
    const count = 300_000;
    const bytes = gguf().head(0, 3).string('filler').u32(STR).string('x'.repeat(13)).string('list').u32(ARR).u32(STR).u64(count).done();
    const strings = new Uint8Array(count * 11);
    for (let index = 0; index < count; index += 1) strings.set([3, 0, 0, 0, 0, 0, 0, 0, 0xe4, 0xb8, 0x80 + (index % 64)], index * 11);
    const after = gguf().string('after').u32(ARR).u32(F32).u64(2).u32(0x3f80_0000).u32(0x4000_0000).done();
    const file = new Uint8Array([...bytes, ...strings, ...after]);
    const { metadata } = await read(file);
    const list = metadata.get('list');
    if (list?.type !== 'arr' || list.elementType !== 'str') throw new Error('not a list of strings');
    expect(list.value).toHaveLength(count);
    expect(list.value.every((text, index) => text === String.fromCodePoint(0x4e00 + (index % 64)))).toBe(true);
    expect(metadata.get('after')).toEqual({ type: 'arr', elementType: 'f32', value: Float32Array.of(1, 2) });
  });

  it('knows a Git LFS pointer', async () => {
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n';
    expect((await refusal(new TextEncoder().encode(pointer))).code).toBe('format.lfsPointer');
  });

  it('keeps keys of prototype properties as keys like any other', async () => {
    const { metadata } = await read(gguf().head(0, 2).string('__proto__').u32(U8).raw(1).string('constructor').u32(U8).raw(2));
    expect([...metadata.keys()]).toEqual(['__proto__', 'constructor']);
  });

  it('reads version 2, which has the same layout', async () => {
    expect((await read(gguf().head(0, 0, 2))).version).toBe(2);
  });

  it('takes a name of exactly 63 bytes, and a scalar', async () => {
    const { tensors } = await read(gguf().head(1, 0).tensor('n'.repeat(63), [], 0, 0).pad().zeros(4));
    expect(tensors[0]).toMatchObject({ dimensions: [], sizeBytes: 4 });
  });
});
