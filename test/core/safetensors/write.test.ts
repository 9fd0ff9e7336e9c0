import { describe, expect, it } from 'vitest';
import { memorySource } from '#core/byte-source.ts';
import { safetensorsDtypes, type SafetensorsDtype } from '#core/safetensors/dtypes.ts';
import { readSafetensors } from '#core/safetensors/read.ts';
import { planSafetensors, planShards, type NewTensor } from '#core/safetensors/write.ts';
import { seededRandom, zeroFilled } from '#test/byte-source.ts';
import { errorOf } from '#test/expect-error.ts';

const tensor = (name: string, shape: number[], dtype: SafetensorsDtype = 'F32'): NewTensor => ({ name, dtype, shape });

describe('planSafetensors', () => {
  it('writes the bytes of the reference library for one tensor without metadata', () => {
    const { header, totalBytes } = planSafetensors([tensor('attn.0', [1, 2, 3])], []);
    expect(new TextDecoder().decode(header.subarray(8))).toBe('{"attn.0":{"dtype":"F32","shape":[1,2,3],"data_offsets":[0,24]}}');
    expect([...header.subarray(0, 8)]).toEqual([64, 0, 0, 0, 0, 0, 0, 0]);
    expect(totalBytes).toBe(96);
  });

  it('pads the header with spaces to a multiple of eight, as the reference library does', () => {
    const { header } = planSafetensors([tensor('attn0', [1, 1, 2, 3])], []);
    expect([...header.subarray(0, 8)]).toEqual([72, 0, 0, 0, 0, 0, 0, 0]);
    expect(new TextDecoder().decode(header.subarray(8))).toBe('{"attn0":{"dtype":"F32","shape":[1,1,2,3],"data_offsets":[0,24]}}       ');
    expect([...planSafetensors([], []).header]).toEqual([8, 0, 0, 0, 0, 0, 0, 0, 123, 125, 32, 32, 32, 32, 32, 32]);
  });

  it('says that the file is for PyTorch, without which transformers refuses it', async () => {
    const { header } = planSafetensors([]);
    expect((await readSafetensors(memorySource(header))).metadata.get('format')).toBe('pt');
  });

  it('puts the largest alignment first, then orders by name', () => {
    const { tensors } = planSafetensors([
      tensor('b', [1], 'U8'),
      tensor('z', [1], 'F64'),
      tensor('a', [1], 'U8'),
      tensor('m', [3], 'BF16'),
    ]);
    expect(tensors.map(({ name }) => name)).toEqual(['z', 'm', 'a', 'b']);
  });

  it.each([
    ['two tensors of one name', [tensor('a', [1]), tensor('a', [2])], 'safetensors.duplicateKey'],
    ['a tensor named as the metadata', [tensor('__metadata__', [1])], 'safetensors.duplicateKey'],
    ['an empty name', [tensor('', [1])], 'safetensors.invalidName'],
    ['a name that cannot be encoded', [tensor('\ud800', [1])], 'safetensors.invalidName'],
    ['a shape with a fraction', [tensor('a', [1.5])], 'safetensors.invalidShape'],
    ['a negative dimension', [tensor('a', [-1])], 'safetensors.invalidShape'],
    ['a shape whose size is not exact', [tensor('a', [2 ** 50, 8])], 'safetensors.invalidShape'],
    ['F4 that ends inside a byte', [tensor('a', [3], 'F4')], 'safetensors.notWholeBytes'],
  ])('refuses %s', async (_, tensors, code) => {
    expect((await errorOf(() => planSafetensors(tensors))).code).toBe(code);
  });

  it('is read back as it was planned: 200 random files', async () => {
    const random = seededRandom(1);
    const below = (limit: number): number => Math.floor(random() * limit);
    const dtypes = Object.keys(safetensorsDtypes) as SafetensorsDtype[];
    for (let round = 0; round < 200; round += 1) {
      const tensors = Array.from({ length: below(8) }, (_, index) => {
        const shape = Array.from({ length: below(4) }, () => below(4));
        // Four elements of any dtype fill whole bytes.
        return tensor(`t"\\${String.fromCodePoint(0x4e00 + below(1000))}.${index}`, [...shape, 4], dtypes[below(dtypes.length)] ?? 'F32');
      });
      const notes = new Map([
        ['__proto__', 'x\n'],
        [`k${round}`, '\u0001\u{1F600}'],
      ]);
      const plan = planSafetensors(tensors, notes);
      expect(plan.header.byteLength % 8).toBe(0);
      const read = await readSafetensors(memorySource(zeroFilled(plan.header, plan.totalBytes)));
      expect(read.metadata).toEqual(notes);
      expect(read.tensors.toSorted(byOffset)).toEqual(plan.tensors.toSorted(byOffset));
    }
  });
});

/** Empty tensors at one place may come in any order. */
const byOffset = (left: { offset: number; name: string }, right: { offset: number; name: string }): number =>
  left.offset - right.offset || (left.name < right.name ? -1 : 1);

describe('planShards', () => {
  it('keeps one file, without an index, where the model fits', () => {
    const { shards, index } = planShards([tensor('a', [4]), tensor('b', [4])], 32);
    expect(shards.map(({ fileName }) => fileName)).toEqual(['model.safetensors']);
    expect(index).toBeNull();
  });

  it('fills each file in the order given, and gives a larger tensor one of its own', () => {
    const { shards, index } = planShards([tensor('d', [4]), tensor('c', [4]), tensor('b', [100]), tensor('a', [1])], 32);
    expect(shards.map(({ fileName, tensors }) => [fileName, tensors.map(({ name }) => name)])).toEqual([
      ['model-00001-of-00003.safetensors', ['c', 'd']],
      ['model-00002-of-00003.safetensors', ['b']],
      ['model-00003-of-00003.safetensors', ['a']],
    ]);
    expect(index).toBe(`{
  "metadata": {
    "total_size": 436
  },
  "weight_map": {
    "a": "model-00003-of-00003.safetensors",
    "b": "model-00002-of-00003.safetensors",
    "c": "model-00001-of-00003.safetensors",
    "d": "model-00001-of-00003.safetensors"
  }
}
`);
  });

  it('refuses one name in two files', async () => {
    expect((await errorOf(() => planShards([tensor('a', [8]), tensor('a', [8])], 32))).code).toBe('safetensors.duplicateKey');
  });
});
