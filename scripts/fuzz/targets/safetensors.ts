import { memorySource } from '#core/byte-source.ts';
import { safetensorsDtypes, type SafetensorsDtype } from '#core/safetensors/dtypes.ts';
import { readSafetensors } from '#core/safetensors/read.ts';
import { parseSafetensorsIndex, readSafetensorsShards } from '#core/safetensors/shards.ts';
import { planSafetensors, planShards, type NewTensor } from '#core/safetensors/write.ts';
import { zeroFilled } from '#test/byte-source.ts';
import { damagedText, decode, encode, jsonFile } from '../json.ts';
import type { Random } from '../random.ts';
import { promise, type Target } from '../target.ts';

const TOKENS = ['{', '}', '"', ',', ':', '0', '9', '-', '[0,0]', '1e3', '\\u0000', '99999999999999999999', '"F32"', 'null'];
const dtypes = Object.keys(safetensorsDtypes) as SafetensorsDtype[];

const tensors = (random: Random): NewTensor[] =>
  random.many(random.below(8), (index) => ({
    name: `model.layers.${index}.weight`,
    dtype: random.pick(dtypes),
    shape: random.many(1 + random.below(3), () => 4 * random.below(3)),
  }));

/** A header with damage to its structure, its length told rightly; or a file with damage anywhere. */
export function damagedSafetensors(random: Random, bytes: Uint8Array): Uint8Array {
  if (random.chance(0.15)) return bytes;
  if (random.chance(0.4)) return damagedText(random, bytes, TOKENS);
  const headerBytes = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = jsonFile(random, JSON.parse(decode(bytes.subarray(8, 8 + headerBytes))));
  const whole = new Uint8Array(8 + header.byteLength + bytes.byteLength - 8 - headerBytes);
  new DataView(whole.buffer).setBigUint64(0, BigInt(header.byteLength), true);
  whole.set(header, 8);
  return whole;
}

export const safetensors: Target = {
  name: 'safetensors',
  codes: /^(safetensors|format)\./,
  make: (random) => {
    const { header, totalBytes } = planSafetensors(tensors(random), new Map([['format', 'pt']]));
    return [damagedSafetensors(random, zeroFilled(header, totalBytes))];
  },
  run: async ([bytes = new Uint8Array()]) => {
    const header = await readSafetensors(memorySource(bytes));
    let end = header.tensors[0]?.offset ?? bytes.byteLength;
    for (const { offset, sizeBytes } of header.tensors) {
      promise(offset === end, 'there is a gap between two tensors');
      end += sizeBytes;
    }
    promise(end === bytes.byteLength, 'the tensors do not fill the file');
    return 'read';
  },
};

export const safetensorsShards: Target = {
  name: 'safetensors-shards',
  codes: /^(safetensors|format)\./,
  make: (random) => {
    const listed = tensors(random);
    const { shards } = planShards(listed.length === 0 ? [{ name: 'a', dtype: 'F32', shape: [2] }] : listed, 100 + random.below(300));
    const weightMap = Object.fromEntries(shards.flatMap(({ fileName, tensors: own }) => own.map(({ name }) => [name, named(fileName)])));
    const index = { metadata: { total_size: shards.reduce((sum, { totalBytes }) => sum + totalBytes, 0) }, weight_map: weightMap };
    const files = shards.map(({ header, totalBytes }) => zeroFilled(header, totalBytes));
    const at = random.below(files.length);
    const bytes = random.chance(0.5) ? jsonFile(random, index) : encode(JSON.stringify(index));
    return [bytes, ...(random.chance(0.5) ? files : files.with(at, damagedSafetensors(random, files[at] ?? new Uint8Array())))];
  },
  run: async ([index, ...files]) => {
    const parsed = parseSafetensorsIndex(decode(index));
    for (const shard of parsed.shards) promise(!/[/\\\0]|^\.\.?$/.test(shard), 'a shard lies outside the folder');
    const sources = new Map(
      parsed.shards.flatMap((shard, at) => (files[at] === undefined ? [] : [[shard, memorySource(files[at], shard)]])),
    );
    const read = await readSafetensorsShards(parsed, sources);
    promise(read.length === parsed.weightMap.size, 'a tensor is missing');
    return 'read';
  },
};

/** A model that fits into one file has no number in its name; here each shard has one. */
const named = (fileName: string): string => (fileName.includes('-of-') ? fileName : 'model-00001-of-00001.safetensors');
