import type { ByteSource } from '../byte-source.ts';
import { AppError } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import { ggufNumber } from './header.ts';
import type { GgufHeader, GgufTensorInfo } from './header.ts';
import { readGguf } from './read.ts';
import type { GgufMetadata } from './values.ts';

/** Keys that every part carries; all other metadata is in the first part only (tools/gguf-split). */
export const SPLIT_NO = 'split.no';
export const SPLIT_COUNT = 'split.count';
export const SPLIT_TENSORS_COUNT = 'split.tensors.count';

/** `split.no` and `split.count` are u16. */
export const MAX_PARTS = 65_535;

/** What the name of a part says. */
export interface SplitName {
  readonly prefix: string;
  /** Counted from 0; the name counts from 1. */
  readonly part: number;
  readonly count: number;
}

/** Reads `<prefix>-00001-of-00003.gguf` (llama.cpp, `llama_split_path`); null for any other name. */
export function parseSplitName(fileName: string): SplitName | null {
  const match = /^(.+)-(\d{5})-of-(\d{5})\.gguf$/s.exec(fileName);
  const [, prefix = '', number = '', total = ''] = match ?? [];
  const part = Number(number) - 1;
  const count = Number(total);
  return match !== null && part >= 0 && part < count && count <= MAX_PARTS ? { prefix, part, count } : null;
}

/** The names of all parts, in order. */
export function splitPartNames(prefix: string, count: number): string[] {
  const digits = (value: number): string => String(value).padStart(5, '0');
  return Array.from({ length: count }, (_, part) => `${prefix}-${digits(part + 1)}-of-${digits(count)}.gguf`);
}

/** A tensor of a split model: `offset` is from the start of its part. */
export interface SplitTensorInfo extends GgufTensorInfo {
  readonly part: number;
}

export interface GgufSplit {
  readonly parts: readonly GgufHeader[];
  /** Of the first part, without the `split.*` keys: what the model as one file would say. */
  readonly metadata: GgufMetadata;
  readonly tensors: readonly SplitTensorInfo[];
}

/**
 * Reads the headers of all parts, given in order, and holds them against each other as llama.cpp's loader does.
 * Throws `gguf.missingParts`, `.invalidPart`, `.duplicateTensor`, `.partTensorCount`, and what reading a part throws.
 */
export async function readGgufSplit(sources: readonly ByteSource[]): Promise<GgufSplit> {
  const parts: GgufHeader[] = [];
  for (const source of sources) parts.push(await readGguf(source));
  const [first] = parts;
  if (first === undefined) throw new AppError('gguf.missingParts', { file: 'GGUF', expected: 1, found: 0 });
  for (const [part, header] of parts.entries()) {
    const count = ggufNumber(header, SPLIT_COUNT) ?? ggufNumber(first, SPLIT_COUNT) ?? 1;
    if (count !== parts.length) throw new AppError('gguf.missingParts', { file: header.file, expected: count, found: parts.length });
    const number = ggufNumber(header, SPLIT_NO) ?? 0;
    if (number !== part) throw new AppError('gguf.invalidPart', { file: header.file, expected: part + 1, found: number + 1 });
  }
  const names = new Set<string>();
  const tensors = parts.flatMap((header, part) =>
    header.tensors.map((tensor) => {
      if (names.has(tensor.name)) throw new AppError('gguf.duplicateTensor', { file: header.file, tensor: excerpt(tensor.name) });
      names.add(tensor.name);
      return { ...tensor, part };
    }),
  );
  const expected = ggufNumber(first, SPLIT_TENSORS_COUNT) ?? tensors.length;
  if (expected !== tensors.length) throw new AppError('gguf.partTensorCount', { file: first.file, expected, found: tensors.length });
  return { parts, metadata: withoutSplitKeys(first.metadata), tensors };
}

/** Metadata without what says that the file is a part. */
export function withoutSplitKeys(metadata: GgufMetadata): GgufMetadata {
  const own: readonly string[] = [SPLIT_NO, SPLIT_COUNT, SPLIT_TENSORS_COUNT];
  return new Map([...metadata].filter(([key]) => !own.includes(key)));
}
