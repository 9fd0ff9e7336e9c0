import { AppError } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import { GgufEncoder } from './encode.ts';
import type { GgufTensorInfo } from './header.ts';
import { DEFAULT_ALIGNMENT, MAX_KEY_BYTES, checkTensorName, metadataAlignment } from './read.ts';
import { MAX_PARTS, SPLIT_COUNT, SPLIT_NO, SPLIT_TENSORS_COUNT, splitPartNames, withoutSplitKeys } from './split.ts';
import { encodeText } from './text.ts';
import { alignUp, ggmlTypes, tensorBytes } from './types.ts';
import type { GgmlTypeName } from './types.ts';
import { i32, u16, u32 } from './values.ts';
import type { GgufMetadata, GgufValue } from './values.ts';

/** `GGUF_VERSION`. */
const VERSION = 3;

/** A tensor to be written. `dimensions` in ggml order: the contiguous one first. */
export interface NewGgufTensor {
  readonly name: string;
  readonly type: GgmlTypeName;
  readonly dimensions: readonly number[];
}

export interface NewGguf {
  readonly metadata: GgufMetadata;
  readonly tensors: readonly NewGgufTensor[];
  /** A power of two; written as `general.alignment` where it is not 32. Default: what the metadata says, else 32. */
  readonly alignment?: number;
}

export interface PlannedTensor extends GgufTensorInfo {
  /** With the zeros that follow: every tensor is padded to the alignment, the last one too. */
  readonly paddedBytes: number;
}

/** The layout of a file: write `header`, then each tensor's bytes in this order, each filled with zeros to `paddedBytes`. */
export interface GgufPlan {
  readonly header: Uint8Array;
  readonly alignment: number;
  readonly dataOffset: number;
  readonly tensors: readonly PlannedTensor[];
  readonly totalBytes: number;
}

/** One file of a model. A model that fits into one file has one, without `split.*` keys. */
export interface GgufPartPlan extends GgufPlan {
  readonly fileName: string;
}

/**
 * Lays a file out in the order given. What is planned here passes `readGguf` and llama.cpp's reader.
 * Throws the `gguf.*` error that a reader of the file would throw.
 * @param file what to call the file in an error
 */
export function planGguf({ metadata, tensors, alignment }: NewGguf, file = 'GGUF'): GgufPlan {
  const entries = withAlignment(metadata, alignment);
  const unit = metadataAlignment(entries, file);
  const encoder = new GgufEncoder();
  encoder.raw(encodeText('GGUF'));
  encoder.u32(VERSION);
  encoder.u64(tensors.length);
  encoder.u64(entries.size);
  encodeMetadata(encoder, entries, file);
  const names = new Set<string>();
  let end = 0;
  const placed = tensors.map(({ name, type, dimensions }) => {
    checkTensorName(name, encodeText(name).byteLength, names, file);
    const sizeBytes = tensorBytes(type, dimensions, { file, tensor: name });
    const start = end;
    end = alignUp(start + sizeBytes, unit);
    if (end > Number.MAX_SAFE_INTEGER)
      throw new AppError('gguf.invalidShape', { file, tensor: excerpt(name), dimensions: dimensions.join(', ') });
    encoder.string(name);
    encoder.u32(dimensions.length);
    for (const size of dimensions) encoder.u64(size);
    encoder.u32(ggmlTypes[type].id);
    encoder.u64(start);
    return { name, type, dimensions, start, sizeBytes, paddedBytes: end - start };
  });
  const dataOffset = alignUp(encoder.length, unit);
  return {
    header: encoder.finish(dataOffset),
    alignment: unit,
    dataOffset,
    tensors: placed.map(({ start, ...tensor }) => ({ ...tensor, offset: dataOffset + start })),
    totalBytes: dataOffset + end,
  };
}

/** The metadata, with `general.alignment` last where an alignment is asked for that it does not say. */
function withAlignment(metadata: GgufMetadata, alignment: number | undefined): GgufMetadata {
  if (alignment === undefined) return metadata;
  const { 'general.alignment': current } = Object.fromEntries(metadata);
  if (alignment === (current?.value ?? DEFAULT_ALIGNMENT)) return metadata;
  return new Map([...metadata, ['general.alignment', u32(alignment)]]);
}

function encodeMetadata(encoder: GgufEncoder, metadata: GgufMetadata, file: string): void {
  for (const [key, value] of metadata) {
    const keyBytes = encodeText(key).byteLength;
    if (keyBytes === 0 || keyBytes > MAX_KEY_BYTES || key.includes('\0'))
      throw new AppError('gguf.invalidKey', { file, key: excerpt(key) });
    encoder.entry(key, value);
  }
}

/**
 * Divides a model into files of at most `maxBytes` each, in the order given. Every file holds at least one tensor, so a
 * tensor larger than that makes a larger file. All metadata is in the first.
 */
export function planGgufSplit({ metadata, tensors, alignment }: NewGguf, prefix: string, maxBytes: number): GgufPartPlan[] {
  const model = withAlignment(withoutSplitKeys(metadata), alignment);
  const whole = planGguf({ metadata: model, tensors }, `${prefix}.gguf`);
  if (whole.totalBytes <= maxBytes) return [{ fileName: `${prefix}.gguf`, ...whole }];
  const others = whole.alignment === DEFAULT_ALIGNMENT ? [] : ([['general.alignment', u32(whole.alignment)]] as const);
  /** A part's metadata; the length of its bytes does not depend on the numbers. */
  const describe = (part: number, count: number): GgufMetadata =>
    new Map<string, GgufValue>([
      ...(part === 0 ? model : others),
      [SPLIT_NO, u16(part)],
      [SPLIT_COUNT, u16(count)],
      [SPLIT_TENSORS_COUNT, i32(tensors.length)],
    ]);
  const groups = groupTensors(whole, maxBytes, (part) => headerBytes(describe(Math.min(part, 1), 0)));
  if (groups.length > MAX_PARTS) throw new AppError('gguf.tooManyParts', { found: groups.length, limit: MAX_PARTS });
  const names = splitPartNames(prefix, groups.length);
  return groups.map((group, part) => {
    const fileName = names[part] ?? prefix;
    return { fileName, ...planGguf({ metadata: describe(part, groups.length), tensors: group }, fileName) };
  });
}

/** Bytes of a header that lists no tensor yet, without its padding. */
export function headerBytes(metadata: GgufMetadata): number {
  const encoder = new GgufEncoder();
  encodeMetadata(encoder, metadata, 'GGUF');
  return 24 + encoder.length;
}

/** What a tensor adds to a header: name with its length, number of dimensions, dimensions, type, offset. */
export const tensorEntryBytes = ({ name, dimensions }: Pick<NewGgufTensor, 'name' | 'dimensions'>): number =>
  8 + encodeText(name).byteLength + 4 + 8 * dimensions.length + 4 + 8;

function groupTensors(whole: GgufPlan, maxBytes: number, emptyBytes: (part: number) => number): PlannedTensor[][] {
  const groups: PlannedTensor[][] = [];
  let group: PlannedTensor[] = [];
  let header = emptyBytes(0);
  let data = 0;
  for (const tensor of whole.tensors) {
    const entry = tensorEntryBytes(tensor);
    const total = alignUp(header + entry, whole.alignment) + data + tensor.paddedBytes;
    if (group.length > 0 && total > maxBytes) {
      groups.push(group);
      group = [];
      header = emptyBytes(groups.length);
      data = 0;
    }
    group.push(tensor);
    header += entry;
    data += tensor.paddedBytes;
  }
  groups.push(group);
  return groups;
}
