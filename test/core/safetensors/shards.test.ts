import { describe, expect, it } from 'vitest';
import { memorySource, type ByteSource } from '#core/byte-source.ts';
import { parseSafetensorsIndex, readSafetensorsShards } from '#core/safetensors/shards.ts';
import { planSafetensors, planShards, type NewTensor } from '#core/safetensors/write.ts';
import { zeroFilled } from '#test/byte-source.ts';
import { errorOf } from '#test/expect-error.ts';

const tensors: NewTensor[] = ['a', 'b', 'c'].map((name) => ({ name, dtype: 'F32', shape: [4] }));

function shardSources(list: readonly NewTensor[] = tensors): { index: string; sources: Map<string, ByteSource> } {
  const { shards, index } = planShards(list, 16);
  const sources = shards.map(
    ({ fileName, header, totalBytes }) => [fileName, memorySource(zeroFilled(header, totalBytes), fileName)] as const,
  );
  return { index: index ?? '', sources: new Map(sources) };
}

const map = (weights: object): string => JSON.stringify({ metadata: { total_size: 12 }, weight_map: weights });

describe('parseSafetensorsIndex', () => {
  it('reads which shard holds which tensor', () => {
    const index = parseSafetensorsIndex(map({ b: 'x-2.safetensors', a: 'x-1.safetensors', c: 'x-2.safetensors' }));
    expect([...index.weightMap]).toEqual([
      ['b', 'x-2.safetensors'],
      ['a', 'x-1.safetensors'],
      ['c', 'x-2.safetensors'],
    ]);
    expect(index.shards).toEqual(['x-1.safetensors', 'x-2.safetensors']);
    expect(index.totalSizeBytes).toBe(12);
  });

  it('lives without a total, and with one that is a float or absurd', () => {
    const total = (text: string) =>
      parseSafetensorsIndex(`{"metadata":{"total_size":${text}},"weight_map":{"a":"m.safetensors"}}`).totalSizeBytes;
    expect(parseSafetensorsIndex('{"weight_map":{"a":"m.safetensors"}}').totalSizeBytes).toBeUndefined();
    expect(total('12.0')).toBe(12);
    expect(total('-1')).toBeUndefined();
    expect(total('1e400')).toBeUndefined();
    expect(total('"many"')).toBeUndefined();
  });

  it.each([
    '../model.safetensors',
    '..',
    '.',
    '',
    '.safetensors',
    'a/b.safetensors',
    '/etc/passwd',
    '/x.safetensors',
    'a\\b.safetensors',
    'C:\\x.safetensors',
    'C:x.safetensors',
    'model.safetensors:stream',
    'a\0.safetensors',
    'a\n.safetensors',
    'pytorch_model.bin',
    'model..safetensors',
    `${'x'.repeat(250)}.safetensors`,
    'file:model.safetensors',
  ])('refuses the shard name %j', async (shard) => {
    expect((await errorOf(() => parseSafetensorsIndex(map({ a: shard })))).code).toBe('safetensors.invalidShardName');
  });

  it('takes names with spaces, quotes and any script', () => {
    expect(parseSafetensorsIndex(map({ a: "模型 'x' 1.safetensors" })).shards).toEqual(["模型 'x' 1.safetensors"]);
  });

  it.each([
    ['no list', '{}', 'safetensors.invalidIndex'],
    ['an empty list', map({}), 'safetensors.invalidIndex'],
    ['text cut off', map({ a: 'x.safetensors' }).slice(0, -1), 'safetensors.invalidIndex'],
    ['a shard that is a number', map({ a: 1 }), 'safetensors.invalidIndex'],
    ['a tensor placed twice', '{"weight_map":{"a":"1.safetensors","a":"2.safetensors"}}', 'safetensors.duplicateKey'],
    ['two lists', '{"weight_map":{"a":"1.safetensors"},"weight_map":{}}', 'safetensors.duplicateKey'],
    ['a name with a zero byte', map({ 'a\0': 'x.safetensors' }), 'safetensors.invalidName'],
  ])('refuses %s', async (_, text, code) => {
    expect((await errorOf(() => parseSafetensorsIndex(text))).code).toBe(code);
  });
});

describe('readSafetensorsShards', () => {
  it('reads the tensors of all shards with their offsets in them', async () => {
    const { index, sources } = shardSources();
    const read = await readSafetensorsShards(parseSafetensorsIndex(index), sources);
    expect(read.map(({ name, shard, sizeBytes }) => [name, shard, sizeBytes])).toEqual([
      ['a', 'model-00001-of-00003.safetensors', 16],
      ['b', 'model-00002-of-00003.safetensors', 16],
      ['c', 'model-00003-of-00003.safetensors', 16],
    ]);
  });

  it('names the first shard that is missing and counts them', async () => {
    const { index, sources } = shardSources();
    sources.delete('model-00002-of-00003.safetensors');
    sources.delete('model-00003-of-00003.safetensors');
    expect(await errorOf(readSafetensorsShards(parseSafetensorsIndex(index), sources))).toMatchObject({
      code: 'safetensors.missingShards',
      params: { shard: 'model-00002-of-00003.safetensors', missing: 2, count: 3 },
    });
  });

  it('refuses a tensor that the index puts where it is not', async () => {
    const { index, sources } = shardSources();
    const text = index.replace('"a"', '"gone": "model-00001-of-00003.safetensors", "a"');
    const error = await errorOf(readSafetensorsShards(parseSafetensorsIndex(text), sources));
    expect(error).toMatchObject({
      code: 'safetensors.shardTensorMissing',
      params: { tensor: 'gone', shard: 'model-00001-of-00003.safetensors' },
    });
  });

  it('refuses a tensor that the index does not list, or lists elsewhere', async () => {
    const { index, sources } = shardSources();
    const name = 'model-00001-of-00003.safetensors';
    const { header, totalBytes } = planSafetensors([
      { name: 'a', dtype: 'F32', shape: [4] },
      { name: 'c', dtype: 'F32', shape: [4] },
    ]);
    sources.set(name, memorySource(zeroFilled(header, totalBytes), name));
    const error = await errorOf(readSafetensorsShards(parseSafetensorsIndex(index), sources));
    expect(error).toMatchObject({ code: 'safetensors.shardTensorUnlisted', params: { tensor: 'c', shard: name } });
  });

  it('passes on what is wrong with a shard, under its name', async () => {
    const { index, sources } = shardSources();
    const name = 'model-00002-of-00003.safetensors';
    sources.set(name, memorySource(new Uint8Array(3), name));
    expect(await errorOf(readSafetensorsShards(parseSafetensorsIndex(index), sources))).toMatchObject({
      code: 'safetensors.headerTruncated',
      params: { file: name },
    });
  });
});
