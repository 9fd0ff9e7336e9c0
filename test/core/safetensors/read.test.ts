import { describe, expect, it } from 'vitest';
import { memorySource } from '#core/byte-source.ts';
import { describeError } from '#core/errors/index.ts';
import { readSafetensors } from '#core/safetensors/read.ts';
import { sparseSource } from '#test/byte-source.ts';
import { errorOf } from '#test/expect-error.ts';

/** Bytes from text in which each character is one byte. */
const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const literal = (text: string) => memorySource(latin1(text), 'model.safetensors');

/** A file of a header, its length and data of zeros. */
function file(header: string | object, dataBytes: number) {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.byteLength + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.byteLength), true);
  bytes.set(json, 8);
  return memorySource(bytes, 'model.safetensors');
}

const f32 = (begin: number, end: number, shape = [(end - begin) / 4]) => ({ dtype: 'F32', shape, data_offsets: [begin, end] });

const I32_2x2 = '<\0\0\0\0\0\0\0{"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]}}';

describe('readSafetensors, cases of the reference library with its bytes', () => {
  it('reads a tensor with its absolute offset', async () => {
    const { metadata, tensors } = await readSafetensors(literal(I32_2x2 + '\0'.repeat(16)));
    expect(tensors).toEqual([{ name: 'test', dtype: 'I32', shape: [2, 2], offset: 68, sizeBytes: 16 }]);
    expect(metadata.size).toBe(0);
  });

  it('reads F32 [1,2,3] behind a header of 64 bytes', async () => {
    const bytes = [
      64, 0, 0, 0, 0, 0, 0, 0, 123, 34, 97, 116, 116, 110, 46, 48, 34, 58, 123, 34, 100, 116, 121, 112, 101, 34, 58, 34, 70, 51, 50, 34, 44,
      34, 115, 104, 97, 112, 101, 34, 58, 91, 49, 44, 50, 44, 51, 93, 44, 34, 100, 97, 116, 97, 95, 111, 102, 102, 115, 101, 116, 115, 34,
      58, 91, 48, 44, 50, 52, 93, 125, 125, 0, 0, 0, 0, 0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64, 0, 0, 128, 64, 0, 0, 160, 64,
    ];
    const { tensors } = await readSafetensors(memorySource(Uint8Array.from(bytes)));
    expect(tensors).toEqual([{ name: 'attn.0', dtype: 'F32', shape: [1, 2, 3], offset: 72, sizeBytes: 24 }]);
  });

  it('reads a file without tensors, padded with spaces', async () => {
    const { metadata, tensors } = await readSafetensors(
      memorySource(Uint8Array.from([8, 0, 0, 0, 0, 0, 0, 0, 123, 125, 32, 32, 32, 32, 32, 32])),
    );
    expect(tensors).toEqual([]);
    expect(metadata.size).toBe(0);
  });

  it('reads metadata alone', async () => {
    const { metadata, tensors } = await readSafetensors(literal('(\0\0\0\0\0\0\0{"__metadata__":{"framework":"pt"}}     '));
    expect([...metadata]).toEqual([['framework', 'pt']]);
    expect(tensors).toEqual([]);
  });

  it('takes an empty shape for a scalar of one element', async () => {
    const { tensors } = await readSafetensors(literal('8\0\0\0\0\0\0\0{"test":{"dtype":"I32","shape":[],"data_offsets":[0,4]}}\0\0\0\0'));
    expect(tensors).toEqual([{ name: 'test', dtype: 'I32', shape: [], offset: 64, sizeBytes: 4 }]);
  });

  it('takes a dimension of zero for an empty tensor', async () => {
    const { tensors } = await readSafetensors(literal('<\0\0\0\0\0\0\0{"test":{"dtype":"I32","shape":[2,0],"data_offsets":[0, 0]}}'));
    expect(tensors).toEqual([{ name: 'test', dtype: 'I32', shape: [2, 0], offset: 68, sizeBytes: 0 }]);
  });

  it('takes JSON white space after the header, and before it', async () => {
    expect((await readSafetensors(literal('\x06\0\0\0\0\0\0\0{}\x0D\x20\x09\x0A'))).tensors).toEqual([]);
    expect((await readSafetensors(literal('\x06\0\0\0\0\0\0\0\x09\x0A{}\x0D\x20'))).tensors).toEqual([]);
  });

  it('reads two F4 to a byte, and refuses a number of them that ends inside one', async () => {
    const { tensors } = await readSafetensors(file({ fp4: { dtype: 'F4', shape: [1, 2], data_offsets: [0, 1] } }, 1));
    expect(tensors[0]).toMatchObject({ dtype: 'F4', shape: [1, 2], sizeBytes: 1 });
    const error = await errorOf(readSafetensors(file({ fp4: { dtype: 'F4', shape: [1, 3], data_offsets: [0, 1] } }, 1)));
    expect(error).toMatchObject({ code: 'safetensors.notWholeBytes', params: { tensor: 'fp4', elements: 3, dtype: 'F4' } });
    expect((await errorOf(readSafetensors(file({ fp4: { dtype: 'F4', shape: [1, 2], data_offsets: [0, 2] } }, 2)))).code).toBe(
      'safetensors.sizeMismatch',
    );
  });

  it('refuses bytes after the last tensor: a file that is two things at once', async () => {
    const error = await errorOf(readSafetensors(literal(`${I32_2x2}${'\0'.repeat(16)}extra_bogus_data_for_polyglot_file`)));
    expect(error).toMatchObject({ code: 'safetensors.trailingBytes', params: { file: 'model.safetensors', trailingBytes: 34 } });
  });

  it('says how much of the data is missing', async () => {
    const error = await errorOf(readSafetensors(literal(I32_2x2 + '\0'.repeat(14))));
    expect(error).toMatchObject({ code: 'safetensors.truncated', params: { missingBytes: 2 } });
    expect(describeError(error).what).toBe('model.safetensors ends 2 B early: the download is incomplete.');
  });

  it('refuses a header above the limit without reading it', async () => {
    const source = sparseSource(latin1(`<\0\0\0\0\xff\xff\xff${I32_2x2.slice(8)}`), 2 ** 40);
    expect((await errorOf(readSafetensors(source))).code).toBe('safetensors.headerTooLarge');
    expect(source.readBytes).toBeLessThan(100);
  });

  it.each([
    ['an empty file', '', 'safetensors.headerTruncated', { missingBytes: 8 }],
    ['a header length with no header', '<\0\0\0\0\0\0\0', 'safetensors.headerTruncated', { missingBytes: 60 }],
    ['a header that is not UTF-8', '\x01\0\0\0\0\0\0\0\xff', 'safetensors.headerNotText', {}],
    ['a header that is not JSON', '\x01\0\0\0\0\0\0\0{', 'safetensors.invalidHeader', { position: 1 }],
    ['a header of no bytes', '\0\0\0\0\0\0\0\0', 'safetensors.invalidHeader', { position: 0 }],
    [
      'a size that is not that of the shape',
      '<\0\0\0\0\0\0\0{"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0, 4]}}',
      'safetensors.sizeMismatch',
      { foundBytes: 4, expectedBytes: 16 },
    ],
    [
      'a dimension of 2^64 - 2',
      `O\0\0\0\0\0\0\0{"test":{"dtype":"I32","shape":[2,18446744073709551614],"data_offsets":[0,16]}}${'\0'.repeat(16)}`,
      'safetensors.integerTooLarge',
      { digits: '18446744073709551614' },
    ],
    [
      'a dimension of 2^63 - 1',
      `N\0\0\0\0\0\0\0{"test":{"dtype":"I32","shape":[2,9223372036854775807],"data_offsets":[0,16]}}${'\0'.repeat(16)}`,
      'safetensors.integerTooLarge',
      { digits: '9223372036854775807' },
    ],
  ])('refuses %s', async (_, text, code, params) => {
    expect(await errorOf(readSafetensors(literal(text)))).toMatchObject({ code, params });
  });

  it('refuses tensors that share their bytes', async () => {
    const header = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`weight_${index}`, f32(0, 16, [2, 2])]));
    expect((await errorOf(readSafetensors(file(header, 16)))).code).toBe('safetensors.overlap');
  });
});

describe('readSafetensors, hostile headers', () => {
  it('refuses a header length of 2^64 - 1 (abuse attempt 1)', async () => {
    expect((await errorOf(readSafetensors(literal('\xff'.repeat(8) + '{}')))).code).toBe('safetensors.headerTooLarge');
  });

  it('stops at a limit of tensors, long before ten million (abuse attempt 2)', async () => {
    const entry = (index: number): string => `"${index.toString(36)}":{"dtype":"I8","shape":[0],"data_offsets":[0,0]}`;
    const header = `{${Array.from({ length: 2 ** 18 + 1 }, (_, index) => entry(index)).join(',')}}`;
    expect(await errorOf(readSafetensors(file(header, 0)))).toMatchObject({
      code: 'safetensors.tooManyTensors',
      params: { limit: 262_144 },
    });
  });

  it('refuses 100,000 tensors that share their bytes (abuse attempt 3)', async () => {
    const header = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`weight_${index}`, f32(0, 64, [4, 4])]));
    expect((await errorOf(readSafetensors(file(header, 64)))).code).toBe('safetensors.overlap');
  });

  it.each([
    [
      'a tensor named twice, which JSON.parse would not notice',
      `{"a":${JSON.stringify(f32(0, 4))},"a":${JSON.stringify(f32(0, 4))}}`,
      4,
      'safetensors.duplicateKey',
    ],
    [
      'the same name written with an escape',
      `{"a":${JSON.stringify(f32(0, 4))},"\\u0061":${JSON.stringify(f32(4, 8))}}`,
      8,
      'safetensors.duplicateKey',
    ],
    ['two __metadata__', '{"__metadata__":{},"__metadata__":{}}', 0, 'safetensors.duplicateKey'],
    ['two notes of one name', '{"__metadata__":{"a":"1","a":"2"}}', 0, 'safetensors.duplicateKey'],
    ['two dtypes of one tensor', '{"a":{"dtype":"F32","dtype":"F16","shape":[1],"data_offsets":[0,4]}}', 4, 'safetensors.duplicateKey'],
    ['a gap between tensors', JSON.stringify({ a: f32(0, 4), b: f32(8, 12) }), 12, 'safetensors.gap'],
    ['a gap before the first tensor', JSON.stringify({ a: f32(4, 8) }), 8, 'safetensors.gap'],
    ['tensors that overlap in part', JSON.stringify({ a: f32(0, 8), b: f32(4, 12) }), 12, 'safetensors.overlap'],
    ['an end before its begin', '{"a":{"dtype":"F32","shape":[0],"data_offsets":[4,0]}}', 4, 'safetensors.invalidOffsets'],
    ['a negative dimension', '{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', 4, 'safetensors.invalidHeader'],
    ['a dimension with a fraction', '{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}', 4, 'safetensors.invalidHeader'],
    ['a dimension with an exponent', '{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}', 4, 'safetensors.invalidHeader'],
    ['a dimension that is NaN', '{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}}', 4, 'safetensors.invalidHeader'],
    ['a dimension that is text', '{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}', 4, 'safetensors.invalidHeader'],
    [
      'a product of dimensions above 2^53',
      '{"a":{"dtype":"U8","shape":[134217728,134217728],"data_offsets":[0,0]}}',
      0,
      'safetensors.invalidShape',
    ],
    [
      'a product that wraps to 0 in 64 bits',
      '{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}',
      0,
      'safetensors.invalidShape',
    ],
    [
      'absurd dimensions beside a zero',
      '{"a":{"dtype":"U8","shape":[0,9007199254740991,9007199254740991],"data_offsets":[0,0]}}',
      0,
      'safetensors.invalidShape',
    ],
    [
      'more than 64 dimensions',
      JSON.stringify({ a: { dtype: 'U8', shape: Array.from({ length: 65 }, () => 1), data_offsets: [0, 1] } }),
      1,
      'safetensors.tooManyDimensions',
    ],
    ['an unknown dtype', '{"a":{"dtype":"F128","shape":[1],"data_offsets":[0,16]}}', 16, 'safetensors.unknownDtype'],
    [
      'a dtype that is a property of every object',
      '{"a":{"dtype":"constructor","shape":[1],"data_offsets":[0,16]}}',
      16,
      'safetensors.unknownDtype',
    ],
    ['no dtype', '{"a":{"shape":[1],"data_offsets":[0,4]}}', 4, 'safetensors.incompleteTensor'],
    ['no shape', '{"a":{"dtype":"F32","data_offsets":[0,4]}}', 4, 'safetensors.incompleteTensor'],
    ['no offsets', '{"a":{"dtype":"F32","shape":[1]}}', 4, 'safetensors.incompleteTensor'],
    ['one offset', '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}', 4, 'safetensors.incompleteTensor'],
    ['three offsets', '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}', 4, 'safetensors.incompleteTensor'],
    ['metadata that is not text', '{"__metadata__":{"a":1}}', 0, 'safetensors.invalidHeader'],
    ['a tensor that is a number', '{"a":1}', 0, 'safetensors.invalidHeader'],
    ['a list as header', '[]', 0, 'safetensors.invalidHeader'],
    ['something after the header', '{}{}', 0, 'safetensors.invalidHeader'],
    ['a byte order mark', '\uFEFF{}', 0, 'safetensors.invalidHeader'],
    ['a comma too many', '{"__metadata__":{},}', 0, 'safetensors.invalidHeader'],
    ['a name with a zero byte', '{"a\\u0000b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1, 'safetensors.invalidName'],
    ['an empty name', '{"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1, 'safetensors.invalidName'],
    ['a name that is half a character', '{"\\ud800":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1, 'safetensors.invalidHeader'],
    ['a name of 1,025 characters', JSON.stringify({ ['n'.repeat(1025)]: f32(0, 4) }), 4, 'safetensors.invalidName'],
    ['nesting deeper than a stack', `{"a":{"x":${'['.repeat(100_000)}`, 0, 'safetensors.invalidHeader'],
  ])('refuses %s', async (_, header, dataBytes, code) => {
    expect((await errorOf(readSafetensors(file(header, dataBytes)))).code).toBe(code);
  });

  it('holds names of prototype properties as names like any other', async () => {
    const header = '{"__metadata__":{"__proto__":"x","toString":"y"},"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}';
    const { metadata, tensors } = await readSafetensors(file(header, 1));
    expect([...metadata]).toEqual([
      ['__proto__', 'x'],
      ['toString', 'y'],
    ]);
    expect(tensors.map((tensor) => tensor.name)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>)['dtype']).toBeUndefined();
  });

  it('passes over fields that it does not know, and an absent __metadata__', async () => {
    const header = '{"__metadata__":null,"a":{"future":{"x":[1,-2.5e3,"\\n",true,null]},"dtype":"U8","shape":[1],"data_offsets":[0,1]}}';
    expect((await readSafetensors(file(header, 1))).tensors).toHaveLength(1);
  });

  it('orders tensors by their data, an empty one before that which begins where it lies', async () => {
    const header = { c: f32(4, 8), b: f32(0, 4), a: f32(4, 4, [0]) };
    expect((await readSafetensors(file(header, 8))).tensors.map((tensor) => tensor.name)).toEqual(['b', 'a', 'c']);
  });

  it('knows a Git LFS pointer', async () => {
    const pointer =
      'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n';
    expect((await errorOf(readSafetensors(literal(pointer)))).code).toBe('format.lfsPointer');
  });

  it('shows a hostile name shortened and without control characters', async () => {
    const name = `\u001b[31m\u202e${'x'.repeat(500)}`;
    const { params } = await errorOf(readSafetensors(file({ [name]: f32(4, 8) }, 8)));
    expect(params['tensor']).toBe(`\uFFFD[31m\uFFFD${'x'.repeat(90)}…`);
  });
});
