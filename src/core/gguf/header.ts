import { AppError } from '../errors/index.ts';
import type { GgmlTypeName } from './types.ts';
import type { GgufMetadata, GgufValue } from './values.ts';

/** One tensor of a file. */
export interface GgufTensorInfo {
  readonly name: string;
  readonly type: GgmlTypeName;
  /** ggml order: the contiguous dimension first, the reverse of numpy's shape. At most four. */
  readonly dimensions: readonly number[];
  /** From the start of the file. */
  readonly offset: number;
  /** Without the padding that follows. */
  readonly sizeBytes: number;
}

/** All that a GGUF file says before its data. */
export interface GgufHeader {
  /** What to call the file in an error. */
  readonly file: string;
  readonly version: number;
  /** Every tensor begins at a multiple of this from `dataOffset`. */
  readonly alignment: number;
  readonly metadata: GgufMetadata;
  /** In the order of their data. */
  readonly tensors: readonly GgufTensorInfo[];
  readonly dataOffset: number;
}

/** What the accessors need of a header. */
type Described = Pick<GgufHeader, 'file' | 'metadata'>;

const typeOf = (value: GgufValue): string => (value.type === 'arr' ? `${value.elementType}[]` : value.type);

const wrongType = (header: Described, key: string, value: GgufValue, expected: string): AppError =>
  new AppError('gguf.wrongValueType', { file: header.file, key, found: typeOf(value), expected });

/** The accessors give undefined where the key is absent, and throw `gguf.wrongValueType` where it holds another kind of value. */
export function ggufString(header: Described, key: string): string | undefined {
  const value = header.metadata.get(key);
  if (value === undefined || value.type === 'str') return value?.value;
  throw wrongType(header, key, value, 'str');
}

export function ggufBoolean(header: Described, key: string): boolean | undefined {
  const value = header.metadata.get(key);
  if (value === undefined || value.type === 'bool') return value?.value;
  throw wrongType(header, key, value, 'bool');
}

/** A number of any numeric type. A 64-bit integer that a JavaScript number cannot hold exactly throws `gguf.numberTooLarge`. */
export function ggufNumber(header: Described, key: string): number | undefined {
  const value = header.metadata.get(key);
  if (value === undefined) return undefined;
  if (value.type === 'str' || value.type === 'bool' || value.type === 'arr') throw wrongType(header, key, value, 'number');
  const number = Number(value.value);
  if (typeof value.value === 'bigint' && !Number.isSafeInteger(number))
    throw new AppError('gguf.numberTooLarge', { file: header.file, key, found: String(value.value) });
  return number;
}

export function ggufStringArray(header: Described, key: string): readonly string[] | undefined {
  const value = header.metadata.get(key);
  if (value === undefined) return undefined;
  if (value.type === 'arr' && value.elementType === 'str') return value.value;
  throw wrongType(header, key, value, 'str[]');
}

/** Numbers of any type but the 64-bit integers, as the typed array that holds them. */
export function ggufNumberArray(header: Described, key: string): Exclude<NumberArray, BigUint64Array | BigInt64Array> | undefined {
  const value = header.metadata.get(key);
  if (value === undefined) return undefined;
  if (value.type === 'arr' && value.elementType !== 'str' && value.elementType !== 'bool') {
    const numbers = value.value;
    if (!(numbers instanceof BigUint64Array || numbers instanceof BigInt64Array)) return numbers;
  }
  throw wrongType(header, key, value, 'number[]');
}

type NumberArray = Exclude<Extract<GgufValue, { type: 'arr' }>['value'], readonly string[]>;
