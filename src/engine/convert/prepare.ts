import { basename } from 'node:path';
import { architectureOf } from '#core/architectures/index.ts';
import { storedTwice } from '#core/convert/sources.ts';
import { textConfig } from '#core/model/config.ts';
import type { ShardTensorInfo } from '#core/safetensors/shards.ts';
import { readVocabulary } from '#core/tokenizer/read.ts';
import type { GgufVocabulary } from '#core/tokenizer/types.ts';
import type { HfFolder } from './hf-folder.ts';
import { findPreTokenizer } from './pre-tokenizer.ts';

/** Bytes of two tensors that are compared at a time. */
const COMPARE_BYTES = 4 * 1024 * 1024;

/** The tokenizer of a folder. Throws `tokenizer.*`, `model.*`. */
export const vocabularyOf = ({ config, tokenizerFiles }: HfFolder): GgufVocabulary =>
  readVocabulary(tokenizerFiles, {
    config,
    architecture: architectureOf(config).ggufName,
    preTokenizer: (json, settings) => findPreTokenizer(json, settings),
  });

/** Whether a tied model holds both of its matrices, and they are not the same. */
export async function hasOwnHead(folder: HfFolder): Promise<boolean> {
  const architecture = architectureOf(folder.config);
  const twice = storedTwice(architecture, architecture.hyperparameters(textConfig(folder.config)), folder.tensors);
  return twice !== null && !(await sameBytes(folder, twice.input, twice.output));
}

/** Whether two tensors hold the same bytes under the same type and shape. */
async function sameBytes({ sources }: HfFolder, left: ShardTensorInfo, right: ShardTensorInfo): Promise<boolean> {
  if (left.dtype !== right.dtype || left.sizeBytes !== right.sizeBytes) return false;
  const read = async ({ shard, offset }: ShardTensorInfo, start: number, length: number): Promise<Buffer> => {
    const source = sources.get(shard);
    if (source === undefined) throw new RangeError(`${basename(shard)} is not open`);
    return Buffer.from(await source.read(offset + start, length));
  };
  for (let start = 0; start < left.sizeBytes; start += COMPARE_BYTES) {
    const length = Math.min(COMPARE_BYTES, left.sizeBytes - start);
    const [one, other] = await Promise.all([read(left, start, length), read(right, start, length)]);
    if (!one.equals(other)) return false;
  }
  return true;
}
