import { describe, expect, it } from 'vitest';
import type { Config } from '#core/model/config.ts';
import { readPackedWeights, tensorsToNote, type Notes } from '#core/quantize/read-packed.ts';
import { exactType, gptqFacts, holdsExactly, type GptqFacts } from '#core/quantize/repack.ts';
import type { SafetensorsDtype } from '#core/safetensors/dtypes.ts';
import { safetensorsBytes } from '#core/safetensors/dtypes.ts';
import { readSafetensors } from '#core/safetensors/read.ts';
import type { ShardTensorInfo } from '#core/safetensors/shards.ts';
import { fileSource } from '#test/byte-source.ts';
import { errorOf } from '#test/expect-error.ts';

const tensor = (name: string, dtype: SafetensorsDtype, shape: number[]): ShardTensorInfo => ({
  name,
  dtype,
  shape,
  offset: 0,
  sizeBytes: safetensorsBytes(dtype, shape),
  shard: 'model.safetensors',
});

const gptq = { quant_method: 'gptq', bits: 4, group_size: 32, checkpoint_format: 'gptq' };
const layer = (bits = 4, inputs = 64, outputs = 96, groups = 2): ShardTensorInfo[] => [
  tensor('l.qweight', 'I32', [(inputs * bits) / 32, outputs]),
  tensor('l.qzeros', 'I32', [groups, (outputs * bits) / 32]),
  tensor('l.scales', 'F16', [groups, outputs]),
  tensor('l.g_idx', 'I32', [inputs]),
  tensor('l.bias', 'F16', [outputs]),
  tensor('norm.weight', 'F16', [64]),
];

const read = (tensors: readonly ShardTensorInfo[], settings: Config, notes: Notes = new Map()) =>
  readPackedWeights(tensors, settings, notes);

describe('a GPTQ folder', () => {
  it.each([2, 3, 4, 8])('of %i bits shows its layers as float weights [out, in], and all else as it is', (bits) => {
    const found = read(layer(bits), { ...gptq, bits });
    expect(found.map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual([
      ['l.weight', 'F32', [96, 64]],
      ['l.bias', 'F16', [96]],
      ['norm.weight', 'F16', [64]],
    ]);
    expect(found[0]?.packed).toMatchObject({ kind: 'gptq', bits, groups: 2, zeroOffset: 1 });
  });

  it('whose settings are wrong about the bits of a layer is read by its shapes', () => {
    expect(read(layer(8), gptq)[0]?.packed).toMatchObject({ bits: 8 });
  });

  it('of version 2 stores zero points as they are; the old file of AutoGPTQ says no version', () => {
    expect(read(layer(), { ...gptq, checkpoint_format: 'gptq_v2' })[0]?.packed).toMatchObject({ zeroOffset: 0 });
    expect(read(layer(), { bits: 4, group_size: 32, desc_act: false })[0]?.packed).toMatchObject({ zeroOffset: 1 });
  });

  it('without g_idx needs groups of the size it says', async () => {
    const plain = layer().filter(({ name }) => name !== 'l.g_idx');
    expect(read(plain, gptq)[0]?.packed).toMatchObject({ groupIndex: undefined, groupSize: 32 });
    expect((await errorOf(() => read(plain, { ...gptq, group_size: 128 }))).code).toBe('quantize.badPackedWeight');
  });

  it.each([
    ['scales are missing', layer().filter(({ name }) => name !== 'l.scales')],
    [
      'scales have another number of outputs',
      layer().map((each) => (each.name === 'l.scales' ? tensor('l.scales', 'F16', [2, 64]) : each)),
    ],
    [
      'zero points have another number of groups',
      layer().map((each) => (each.name === 'l.qzeros' ? tensor('l.qzeros', 'I32', [3, 12]) : each)),
    ],
    ['inputs do not fit the words', layer().map((each) => (each.name === 'l.g_idx' ? tensor('l.g_idx', 'I32', [63]) : each))],
    ['outputs are no multiple of 32', layer(4, 64, 100)],
    ['words are floats', layer().map((each) => (each.name === 'l.qweight' ? tensor('l.qweight', 'F32', [8, 96]) : each))],
    ['there are more groups than inputs', layer(4, 64, 96, 65)],
  ])('whose %s is refused', async (_, tensors) => {
    expect(await errorOf(() => read(tensors, gptq))).toMatchObject({
      code: 'quantize.badPackedWeight',
      params: { tensor: expect.stringMatching(/^l\./) },
    });
  });

  it.each([
    { checkpoint_format: 'marlin' },
    { is_marlin_format: true },
    { pack_dtype: 'int16' },
    { quant_method: 'awq' },
    { quant_method: 'fp8' },
  ])('in the format %j is refused', async (more) => {
    expect((await errorOf(() => read(layer(), { ...gptq, ...more }))).code).toBe('quantize.unsupportedCheckpoint');
  });
});

describe('what GGUF can hold of GPTQ bit for bit', () => {
  const facts = (bits: GptqFacts['bits'], leastZero: number, greatestZero: number, more: Partial<GptqFacts> = {}): GptqFacts => ({
    bits,
    leastZero,
    greatestZero,
    hasWholeRuns: true,
    hasHalfScales: true,
    ...more,
  });

  it.each([
    [facts(4, 8, 8), 'Q4_0'],
    [facts(4, 7, 8), 'Q5_0'],
    [facts(4, 0, 16), 'Q5_0'],
    [facts(3, 0, 7), 'Q4_0'],
    [facts(2, 1, 4), 'Q4_0'],
    [facts(8, 128, 128), 'Q8_0'],
    [facts(8, 127, 128), { reason: 'a range beyond 8 bits' }],
    [facts(4, 8, 8, { hasWholeRuns: false }), { reason: 'scattered groups' }],
    [facts(4, 8, 8, { hasHalfScales: false }), { reason: 'scales beyond float16' }],
  ] as const)('%j: %j', (given, expected) => {
    expect(exactType(given)).toEqual(expected);
  });

  it('is in a wider type as well', () => {
    expect(['Q4_0', 'Q5_0', 'Q8_0', 'Q4_1', 'F16'].map((type) => holdsExactly(type as 'Q4_0', facts(4, 0, 15)))).toEqual([
      false,
      true,
      true,
      false,
      false,
    ]);
  });

  /** Fields of `bits` bits in words, least significant first, by shifting one big number. */
  function words(bits: number, fields: readonly number[]): Uint32Array {
    const whole = fields.reduce((sum, field, i) => sum | (BigInt(field) << BigInt(i * bits)), 0n);
    return Uint32Array.from({ length: (fields.length * bits) / 32 }, (_, i) => Number((whole >> BigInt(32 * i)) & 0xffff_ffffn));
  }

  it.each([2, 3, 4, 8] as const)('is found in the data: the range of zero points of %i bits, wherever they lie in the words', (bits) => {
    const top = 2 ** bits - 1;
    for (const [at, low] of [
      [10, 0],
      [21, 1],
      [31, 0],
      [5, 1],
    ] as const) {
      const fields = Array.from({ length: 32 }, () => Math.min(2, top));
      fields[at] = low;
      fields[(at + 13) % 32] = top;
      const packed = read(layer(bits, 64, 32), { ...gptq, bits })[0]?.packed;
      if (packed?.kind !== 'gptq') throw new Error('not GPTQ');
      const both = Uint32Array.from([
        ...words(
          bits,
          fields.map(() => Math.min(2, top)),
        ),
        ...words(bits, fields),
      ]);
      expect(gptqFacts(packed, both, undefined)).toMatchObject({ leastZero: Math.min(low, 2) + 1, greatestZero: top + 1 });
    }
  });

  it('rests on every run of 32 inputs being in one group', async () => {
    const packed = read(layer(), gptq)[0]?.packed;
    if (packed?.kind !== 'gptq') throw new Error('not GPTQ');
    const zeros = new Uint32Array(24).fill(0x7777_7777);
    const inputs = (group: (input: number) => number): Int32Array => Int32Array.from({ length: 64 }, (_, input) => group(input));
    expect(
      gptqFacts(
        packed,
        zeros,
        inputs((input) => (input < 32 ? 1 : 0)),
      ),
    ).toEqual(facts(4, 8, 8));
    expect(
      gptqFacts(
        packed,
        zeros,
        inputs((input) => input % 2),
      ).hasWholeRuns,
    ).toBe(false);
    for (const group of [-1, 2])
      expect(
        (
          await errorOf(() =>
            gptqFacts(
              packed,
              zeros,
              inputs(() => group),
            ),
          )
        ).code,
      ).toBe('quantize.badPackedWeight');
  });
});

const bitsandbytes = { quant_method: 'bitsandbytes', load_in_4bit: true };

/** The tensors of a golden file under the names that a model's folder has for them, and the bytes of its small ones. */
async function goldenLayer(file: string): Promise<{ tensors: ShardTensorInfo[]; notes: Map<string, Uint8Array> }> {
  const source = fileSource(`golden/bitsandbytes/${file}.safetensors`);
  const names: Readonly<Record<string, string>> = { packed: 'l.weight', CB: 'l.weight', SCB: 'l.SCB' };
  const stored = (await readSafetensors(source)).tensors.filter(({ name }) => name !== 'weight' && name !== 'dequantized');
  const tensors = stored.map((each) => ({ ...each, name: names[each.name] ?? `l.weight.${each.name}`, shard: file }));
  const notes = new Map<string, Uint8Array>();
  for (const { name, offset, sizeBytes } of tensorsToNote(tensors)) notes.set(name, await source.read(offset, sizeBytes));
  return { tensors, notes };
}

describe('a bitsandbytes folder', () => {
  it.each([
    ['nf4-64', { type: 'nf4', blockSize: 64, nested: undefined }, [16, 160]],
    ['fp4-4096', { type: 'fp4', blockSize: 4096, nested: undefined }, [16, 640]],
    ['nf4-64-dq', { type: 'nf4', blockSize: 64, nested: { offset: expect.any(Number) } }, [24, 704]],
    ['nf4-64-dq-odd', { type: 'nf4', blockSize: 64, nested: { offset: expect.any(Number) } }, [9, 73]],
  ])('is read as bitsandbytes itself wrote it: %s', async (file, packed, shape) => {
    const { tensors, notes } = await goldenLayer(file);
    const found = read(tensors, bitsandbytes, notes);
    expect(found.length).toBe(1);
    expect(found[0]).toMatchObject({ name: 'l.weight', dtype: 'F32', shape, packed: { kind: 'fourBit', ...packed } });
  });

  it('of LLM.int8() is read with and without its mark, but not in the tilings of old cards', async () => {
    const { tensors } = await goldenLayer('int8');
    const settings = { quant_method: 'bitsandbytes', load_in_8bit: true };
    expect(read(tensors, settings)).toMatchObject([{ shape: [24, 200], packed: { kind: 'int8' } }]);
    const marked = [...tensors, tensor('l.weight_format', 'U8', [])];
    const notes = (mark: number): Notes => new Map([['l.weight_format', Uint8Array.of(mark)]]);
    expect(read(marked, settings, notes(0))).toMatchObject([{ packed: { kind: 'int8' } }]);
    expect((await errorOf(() => read(marked, settings, notes(2)))).code).toBe('quantize.badPackedWeight');
  });

  it('whose bytes are stored under another type is read all the same', async () => {
    const { tensors, notes } = await goldenLayer('nf4-64');
    const wide = tensors.map((each) =>
      each.name === 'l.weight' ? { ...each, dtype: 'BF16' as const, shape: [each.sizeBytes / 2, 1] } : each,
    );
    expect(read(wide, bitsandbytes, notes)[0]?.packed?.kind).toBe('fourBit');
  });

  const state = { quant_type: 'nf4', blocksize: 64, dtype: 'float16', shape: [16, 160] };
  it.each([
    ['no JSON', 'x'],
    ['no object', '[]'],
    ['another type', JSON.stringify({ ...state, quant_type: 'int5' })],
    ['a block size of 0', JSON.stringify({ ...state, blocksize: 0 })],
    ['an odd block size', JSON.stringify({ ...state, blocksize: 63 })],
    ['another block size than its absmax', JSON.stringify({ ...state, blocksize: 128 })],
    ['a shape of three', JSON.stringify({ ...state, shape: [1, 16, 160] })],
    ['a shape that is too large', JSON.stringify({ ...state, shape: [2 ** 31 - 1, 2 ** 31 - 1] })],
    ['a shape of fractions', JSON.stringify({ ...state, shape: [16.5, 160] })],
    ['an offset that is no number', JSON.stringify({ ...state, nested_offset: 'x' })],
    ['nested blocks of another size', JSON.stringify({ ...state, nested_offset: 1, nested_blocksize: 128 })],
    ['nested blocks that are not there', JSON.stringify({ ...state, nested_offset: 1 })],
  ])('with %s in its state is refused', async (_, text) => {
    const { tensors, notes } = await goldenLayer('nf4-64');
    const [name = ''] = [...notes.keys()];
    expect((await errorOf(() => read(tensors, bitsandbytes, new Map([[name, new TextEncoder().encode(text)]])))).code).toBe(
      'quantize.badPackedWeight',
    );
  });

  it('whose state would take more memory than any is refused before it is read', async () => {
    const huge = tensor('l.weight.quant_state.bitsandbytes__nf4', 'U8', [2 ** 40]);
    expect((await errorOf(() => tensorsToNote([huge]))).code).toBe('quantize.badPackedWeight');
  });
});

describe('a compressed-tensors folder', () => {
  const settings = { quant_method: 'compressed-tensors', format: 'int-quantized' };
  const tensors = [
    tensor('l.weight', 'I8', [8, 16]),
    tensor('l.weight_scale', 'BF16', [8, 1]),
    tensor('l.weight_zero_point', 'I8', [8, 1]),
    tensor('head.weight', 'BF16', [4, 16]),
  ];

  it('of INT8 by rows is read, with zero points and without', () => {
    expect(read(tensors, settings).map(({ name, packed }) => [name, packed?.kind])).toEqual([
      ['l.weight', 'int8ZeroPoint'],
      ['head.weight', undefined],
    ]);
    expect(
      read(
        tensors.filter(({ name }) => !name.includes('zero')),
        settings,
      )[0]?.packed,
    ).toMatchObject({ zeroPoints: undefined });
  });

  it('of other kinds is refused', async () => {
    expect((await errorOf(() => read(tensors, { ...settings, format: 'pack-quantized' }))).code).toBe('quantize.unsupportedCheckpoint');
    const grouped = tensors.map((each) => (each.name === 'l.weight_scale' ? tensor(each.name, 'BF16', [8, 2]) : each));
    expect((await errorOf(() => read(grouped, settings))).code).toBe('quantize.badPackedWeight');
  });
});
