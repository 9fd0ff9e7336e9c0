import type { ByteSource } from '../byte-source.ts';
import { AppError } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import { JsonScanner } from './json-scanner.ts';
import { checkName, readSafetensors } from './read.ts';
import type { TensorInfo } from './read.ts';

/** The name under which an index lies beside its shards. */
export const SAFETENSORS_INDEX = 'model.safetensors.index.json';

/** Kimi K2 with its scales, the longest list we know of, has 140,000. */
const MAX_INDEX_TENSORS = 2 ** 20;

/** The longest file name that common file systems take. */
const MAX_FILE_NAME_LENGTH = 255;

/** Which shard holds which tensor. */
export interface SafetensorsIndex {
  /** What to call the index in an error. */
  readonly file: string;
  /** Bytes of all tensors together, where the index says so. Some published ones are wrong: for display only. */
  readonly totalSizeBytes: number | undefined;
  readonly weightMap: ReadonlyMap<string, string>;
  /** Names of files in the same folder, sorted. */
  readonly shards: readonly string[];
}

/** A tensor of a sharded model: `offset` is from the start of its shard. */
export interface ShardTensorInfo extends TensorInfo {
  readonly shard: string;
}

/**
 * Reads `model.safetensors.index.json`. Every shard is a plain file name: no folder, no parent, no drive, no stream.
 * Throws `safetensors.invalidIndex`, `.invalidShardName`, `.duplicateKey`, `.invalidName`, `.tooManyTensors`.
 */
export function parseSafetensorsIndex(text: string, file: string = SAFETENSORS_INDEX): SafetensorsIndex {
  const weightMap = new Map<string, string>();
  let totalSizeBytes: number | undefined;
  const scanner = new JsonScanner(text, {
    invalid: (position) => new AppError('safetensors.invalidIndex', { file, position }),
    duplicate: (key) => new AppError('safetensors.duplicateKey', { file, key: excerpt(key) }),
    tooLarge: (digits) => new AppError('safetensors.integerTooLarge', { file, digits: excerpt(digits) }),
  });
  scanner.object((section) => {
    if (section === 'weight_map') {
      scanner.object((tensor) => {
        if (weightMap.size === MAX_INDEX_TENSORS) throw new AppError('safetensors.tooManyTensors', { file, limit: MAX_INDEX_TENSORS });
        weightMap.set(checkName(tensor, file), checkShardName(scanner.string(), file));
      });
    } else if (section === 'metadata' && scanner.next('{')) {
      scanner.object((key) => {
        const value = Number(scanner.skip());
        if (key === 'total_size' && Number.isSafeInteger(value) && value >= 0) totalSizeBytes = value;
      });
    } else scanner.skip();
  });
  scanner.end();
  if (weightMap.size === 0) throw new AppError('safetensors.invalidIndex', { file, position: text.length });
  return { file, totalSizeBytes, weightMap, shards: [...new Set(weightMap.values())].sort() };
}

/** Only what can be joined to the folder's path without leaving the folder, on any system. */
function checkShardName(shard: string, file: string): string {
  const plain = shard.length <= MAX_FILE_NAME_LENGTH && !/[/\\:\p{C}]|\.\./u.test(shard) && /.\.safetensors$/.test(shard);
  if (!plain) throw new AppError('safetensors.invalidShardName', { file, shard: excerpt(shard) });
  return shard;
}

/**
 * Reads the headers of all shards and holds them against the index: every shard there, every tensor where the index
 * puts it, and none besides. Tensors come shard by shard, in the order of their data.
 * Throws `safetensors.missingShards`, `.shardTensorMissing`, `.shardTensorUnlisted`, and what reading a shard throws.
 */
export async function readSafetensorsShards(index: SafetensorsIndex, sources: ReadonlyMap<string, ByteSource>): Promise<ShardTensorInfo[]> {
  const { file, shards, weightMap } = index;
  const [missing, ...others] = shards.filter((shard) => !sources.has(shard));
  if (missing !== undefined)
    throw new AppError('safetensors.missingShards', { file, shard: missing, missing: others.length + 1, count: shards.length });
  const tensors: ShardTensorInfo[] = [];
  const found = new Set<string>();
  for (const shard of shards) {
    const source = sources.get(shard);
    if (source === undefined) continue;
    for (const tensor of (await readSafetensors(source)).tensors) {
      if (weightMap.get(tensor.name) !== shard)
        throw new AppError('safetensors.shardTensorUnlisted', { file, shard, tensor: excerpt(tensor.name) });
      found.add(tensor.name);
      tensors.push({ ...tensor, shard });
    }
  }
  for (const [tensor, shard] of weightMap)
    if (!found.has(tensor)) throw new AppError('safetensors.shardTensorMissing', { file, shard, tensor: excerpt(tensor) });
  return tensors;
}
