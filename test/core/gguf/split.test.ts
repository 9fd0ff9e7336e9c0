import { describe, expect, it } from 'vitest';
import { memorySource } from '#core/byte-source.ts';
import { parseSplitName, readGgufSplit, splitPartNames } from '#core/gguf/split.ts';
import { i32, str, u16, u8, type GgufValue } from '#core/gguf/values.ts';
import { planGguf } from '#core/gguf/write.ts';
import { zeroFilled } from '#test/byte-source.ts';
import { errorOf } from '#test/expect-error.ts';

function part(no: number | undefined, count: number | undefined, total: number | undefined, names: readonly string[], file = `part ${no}`) {
  const metadata = new Map<string, GgufValue>([['general.architecture', str('llama')]]);
  if (no !== undefined) metadata.set('split.no', u16(no));
  if (count !== undefined) metadata.set('split.count', u16(count));
  if (total !== undefined) metadata.set('split.tensors.count', i32(total));
  const plan = planGguf({ metadata, tensors: names.map((name) => ({ name, type: 'F32', dimensions: [2] })) });
  return memorySource(zeroFilled(plan.header, plan.totalBytes), file);
}

describe('names of parts', () => {
  it('recognises them and lists all', () => {
    expect(parseSplitName('model-Q4_K_M-00002-of-00003.gguf')).toEqual({ prefix: 'model-Q4_K_M', part: 1, count: 3 });
    expect(splitPartNames('model', 2)).toEqual(['model-00001-of-00002.gguf', 'model-00002-of-00002.gguf']);
    expect(parseSplitName('模型 x-00001-of-00001.gguf')?.prefix).toBe('模型 x');
  });

  it.each([
    'model.gguf',
    'model-1-of-3.gguf',
    'model-00000-of-00003.gguf',
    'model-00004-of-00003.gguf',
    'model-00001-of-00000.gguf',
    '-00001-of-00002.gguf',
    'model-00001-of-00002.gguf.partial',
    'model-00001-of-99999.gguf',
  ])('takes %j for no part', (name) => {
    expect(parseSplitName(name)).toBeNull();
  });
});

describe('readGgufSplit', () => {
  it('joins the tensors of all parts', async () => {
    const { tensors, metadata } = await readGgufSplit([part(0, 2, 3, ['a', 'b']), part(1, 2, 3, ['c'])]);
    expect(tensors.map(({ name, part: number }) => [name, number])).toEqual([
      ['a', 0],
      ['b', 0],
      ['c', 1],
    ]);
    expect([...metadata.keys()]).toEqual(['general.architecture']);
  });

  it('takes a file that is not split for the only part', async () => {
    expect((await readGgufSplit([part(undefined, undefined, undefined, ['a'])])).tensors).toHaveLength(1);
  });

  it('takes parts of other writers that name the count in the first only', async () => {
    expect((await readGgufSplit([part(0, 2, 2, ['a']), part(1, undefined, undefined, ['b'])])).tensors).toHaveLength(2);
  });

  it.each([
    ['a part missing', [part(0, 3, 3, ['a']), part(1, 3, 3, ['b'])], 'gguf.missingParts', { expected: 3, found: 2 }],
    ['parts in another order', [part(1, 2, 2, ['b']), part(0, 2, 2, ['a'])], 'gguf.invalidPart', { expected: 1, found: 2 }],
    ['a part twice', [part(0, 2, 2, ['a']), part(0, 2, 2, ['b'])], 'gguf.invalidPart', { expected: 2, found: 1 }],
    ['a part of another split', [part(0, 2, 2, ['a']), part(1, 5, 2, ['b'])], 'gguf.missingParts', { expected: 5, found: 2 }],
    ['a tensor in two parts', [part(0, 2, 2, ['a']), part(1, 2, 2, ['a'])], 'gguf.duplicateTensor', { tensor: 'a', file: 'part 1' }],
    ['a tensor too few', [part(0, 2, 3, ['a']), part(1, 2, 3, ['b'])], 'gguf.partTensorCount', { expected: 3, found: 2 }],
    [
      'a part beside a file that is not split',
      [part(undefined, undefined, undefined, ['a']), part(1, 2, 2, ['b'])],
      'gguf.missingParts',
      { expected: 1, found: 2 },
    ],
    ['no part at all', [], 'gguf.missingParts', { found: 0 }],
  ])('refuses %s', async (_, sources, code, params) => {
    expect(await errorOf(readGgufSplit(sources))).toMatchObject({ code, params });
  });

  it('refuses a part number that is no number', async () => {
    const plan = planGguf({
      metadata: new Map<string, GgufValue>([
        ['split.no', str('0')],
        ['split.count', u8(1)],
      ]),
      tensors: [],
    });
    expect((await errorOf(readGgufSplit([memorySource(plan.header)]))).code).toBe('gguf.wrongValueType');
  });
});
