import { AppError } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import { safetensorsDtypes } from './dtypes.ts';
import type { SafetensorsDtype } from './dtypes.ts';
import { LENGTH_BYTES, MAX_HEADER_BYTES, checkName, checkedBytes } from './read.ts';
import type { TensorInfo } from './read.ts';

/** A tensor to be written: its name, element type and numpy shape. */
export interface NewTensor {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
}

/** The layout of a file: write `header`, then each tensor's bytes in this order, with nothing between. */
export interface SafetensorsPlan {
  readonly header: Uint8Array;
  readonly tensors: readonly TensorInfo[];
  readonly totalBytes: number;
}

/** One file of a model. A model that fits into one file has one, without an index. */
export interface ShardPlan extends SafetensorsPlan {
  readonly fileName: string;
}

/** transformers refuses a file that does not say which framework it is for. */
const FOR_PYTORCH: Iterable<readonly [string, string]> = [['format', 'pt']];

/** Data begins at a multiple of this, so that a memory-mapped tensor of any type is aligned. */
const HEADER_ALIGNMENT = 8;

const ranks = Object.keys(safetensorsDtypes);
const rank = (tensor: NewTensor): number => ranks.indexOf(tensor.dtype);

/**
 * Lays a file out as the reference library does, byte for byte: largest alignment first, then by name; compact JSON, padded
 * with spaces. Throws the `safetensors.*` error that a reader of the file would throw.
 * @param file what to call the file in an error
 */
export function planSafetensors(
  tensors: readonly NewTensor[],
  metadata: Iterable<readonly [string, string]> = FOR_PYTORCH,
  file = 'model.safetensors',
): SafetensorsPlan {
  const ordered = tensors.toSorted((left, right) => rank(right) - rank(left) || (left.name < right.name ? -1 : 1));
  const entries: string[] = [];
  const notes = Object.fromEntries(metadata);
  if (Object.keys(notes).length > 0) entries.push(`"__metadata__":${JSON.stringify(notes)}`);
  const names = new Set(['__metadata__']);
  let filled = 0;
  const placed = ordered.map(({ name, dtype, shape }) => {
    checkName(name, file);
    if (names.has(name)) throw new AppError('safetensors.duplicateKey', { file, key: excerpt(name) });
    names.add(name);
    const sizeBytes = checkedBytes(dtype, shape, file, name);
    const begin = filled;
    filled += sizeBytes;
    entries.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, filled] })}`);
    return { name, dtype, shape, begin, sizeBytes };
  });
  const header = encodeHeader(`{${entries.join(',')}}`, file);
  return {
    header,
    tensors: placed.map(({ begin, ...tensor }) => ({ ...tensor, offset: header.byteLength + begin })),
    totalBytes: header.byteLength + filled,
  };
}

function encodeHeader(json: string, file: string): Uint8Array {
  const text = new TextEncoder().encode(json);
  const headerBytes = Math.ceil(text.byteLength / HEADER_ALIGNMENT) * HEADER_ALIGNMENT;
  if (headerBytes > MAX_HEADER_BYTES) throw new AppError('safetensors.headerTooLarge', { file, headerBytes, limitBytes: MAX_HEADER_BYTES });
  const header = new Uint8Array(LENGTH_BYTES + headerBytes).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(headerBytes), true);
  header.set(text, LENGTH_BYTES);
  return header;
}

/**
 * Divides a model into files whose tensors take at most `maxShardBytes` each, in the order given; a larger tensor gets a
 * file of its own. `index` is the text of `model.safetensors.index.json`, null where one file is enough.
 */
export function planShards(
  tensors: readonly NewTensor[],
  maxShardBytes: number,
  metadata: Iterable<readonly [string, string]> = FOR_PYTORCH,
): { shards: ShardPlan[]; index: string | null } {
  const groups: NewTensor[][] = [[]];
  let groupBytes = 0;
  let totalBytes = 0;
  for (const tensor of tensors) {
    const sizeBytes = checkedBytes(tensor.dtype, tensor.shape, 'model.safetensors', tensor.name);
    if (groupBytes > 0 && groupBytes + sizeBytes > maxShardBytes) {
      groups.push([]);
      groupBytes = 0;
    }
    groups.at(-1)?.push(tensor);
    groupBytes += sizeBytes;
    totalBytes += sizeBytes;
  }
  const notes = [...metadata];
  const shards = groups.map((group, index) => {
    const fileName = groups.length === 1 ? 'model.safetensors' : shardName(index, groups.length);
    return { fileName, ...planSafetensors(group, notes, fileName) };
  });
  return { shards, index: shards.length === 1 ? null : indexText(shards, totalBytes) };
}

/** `model-00001-of-00003.safetensors`; `index` counts from 0. */
function shardName(index: number, count: number): string {
  const digits = (value: number): string => String(value).padStart(5, '0');
  return `model-${digits(index + 1)}-of-${digits(count)}.safetensors`;
}

function indexText(shards: readonly ShardPlan[], totalBytes: number): string {
  const places = new Map<string, string>();
  for (const { fileName, tensors } of shards)
    for (const { name } of tensors) {
      if (places.has(name)) throw new AppError('safetensors.duplicateKey', { file: fileName, key: excerpt(name) });
      places.set(name, fileName);
    }
  const weightMap = Object.fromEntries([...places].sort(([left], [right]) => (left < right ? -1 : 1)));
  return `${JSON.stringify({ metadata: { total_size: totalBytes }, weight_map: weightMap }, null, 2)}\n`;
}
