import { AppError } from '../errors/index.ts';

/** The value types of GGUF; a type's number in the file is its place in this list (`enum gguf_type`, gguf.h). */
export const valueTypes = ['u8', 'i8', 'u16', 'i16', 'u32', 'i32', 'f32', 'bool', 'str', 'arr', 'u64', 'i64', 'f64'] as const;

export type GgufValueType = (typeof valueTypes)[number];
/** What an array holds. Arrays of arrays are refused by every reader. */
export type GgufElementType = Exclude<GgufValueType, 'arr'>;
/** Types whose values all take the same number of bytes. */
export type GgufFixedType = Exclude<GgufElementType, 'str'>;

type SmallNumberType = 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'f32' | 'f64';

/** How the elements of an array are held: typed arrays, so that a long list of scores costs no more than in the file. */
interface ArrayValues {
  readonly u8: Uint8Array;
  readonly i8: Int8Array;
  readonly u16: Uint16Array;
  readonly i16: Int16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  readonly u64: BigUint64Array;
  readonly i64: BigInt64Array;
  /** 0 or 1 for each. */
  readonly bool: Uint8Array;
  readonly str: readonly string[];
}

export type GgufArray = {
  [E in GgufElementType]: { readonly type: 'arr'; readonly elementType: E; readonly value: ArrayValues[E] };
}[GgufElementType];

/** A value of the metadata. It keeps its type: llama.cpp refuses a key of another type, even where the number would fit. */
export type GgufValue =
  | { readonly type: SmallNumberType; readonly value: number }
  | { readonly type: 'u64' | 'i64'; readonly value: bigint }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'str'; readonly value: string }
  | GgufArray;

/** The metadata of a file, in its order. */
export type GgufMetadata = ReadonlyMap<string, GgufValue>;

export const fixedArrays = {
  u8: Uint8Array,
  i8: Int8Array,
  u16: Uint16Array,
  i16: Int16Array,
  u32: Uint32Array,
  i32: Int32Array,
  f32: Float32Array,
  f64: Float64Array,
  u64: BigUint64Array,
  i64: BigInt64Array,
  bool: Uint8Array,
} as const;

/** The least and the greatest value of each integer type. */
const smallRanges = {
  u8: [0, 0xff],
  i8: [-0x80, 0x7f],
  u16: [0, 0xffff],
  i16: [-0x8000, 0x7fff],
  u32: [0, 0xffff_ffff],
  i32: [-0x8000_0000, 0x7fff_ffff],
} as const;
const largeRanges = { u64: [0n, 2n ** 64n - 1n], i64: [-(2n ** 63n), 2n ** 63n - 1n] } as const;

type SmallInteger = keyof typeof smallRanges;
type LargeInteger = keyof typeof largeRanges;

function checkSmall(type: SmallInteger, value: number): number {
  const [least, greatest] = smallRanges[type];
  if (!Number.isInteger(value) || value < least || value > greatest)
    throw new AppError('gguf.valueOutOfRange', { type, value: String(value) });
  return value;
}

function checkLarge(type: LargeInteger, value: number | bigint): bigint {
  const [least, greatest] = largeRanges[type];
  const integer = typeof value === 'bigint' ? value : Number.isSafeInteger(value) ? BigInt(value) : undefined;
  if (integer === undefined || integer < least || integer > greatest)
    throw new AppError('gguf.valueOutOfRange', { type, value: String(value) });
  return integer;
}

const small = (type: SmallInteger) => (value: number) => ({ type, value: checkSmall(type, value) }) satisfies GgufValue;
const large = (type: LargeInteger) => (value: number | bigint) => ({ type, value: checkLarge(type, value) }) satisfies GgufValue;

/** Builders of metadata. An integer that does not fit its type throws `gguf.valueOutOfRange`. */
export const u8 = small('u8');
export const i8 = small('i8');
export const u16 = small('u16');
export const i16 = small('i16');
export const u32 = small('u32');
export const i32 = small('i32');
export const u64 = large('u64');
export const i64 = large('i64');
/** Rounded to single precision, as it will be read. */
export const f32 = (value: number): GgufValue => ({ type: 'f32', value: Math.fround(value) });
export const f64 = (value: number): GgufValue => ({ type: 'f64', value });
export const bool = (value: boolean): GgufValue => ({ type: 'bool', value });
export const str = (value: string): GgufValue => ({ type: 'str', value });

type ElementOf<E extends GgufElementType> = E extends 'str'
  ? string
  : E extends 'bool'
    ? boolean
    : E extends LargeInteger
      ? number | bigint
      : number;

/** A list: `arr('str', ['a', 'b'])`. */
export function arr<E extends GgufElementType>(elementType: E, elements: Iterable<ElementOf<E>>): Extract<GgufArray, { elementType: E }>;
export function arr(elementType: GgufElementType, elements: Iterable<string | number | bigint | boolean>): GgufArray {
  const type = 'arr';
  const checked = (integer: SmallInteger) => (value: unknown) => checkSmall(integer, Number(value));
  const checkedLarge = (integer: LargeInteger) => (value: unknown) =>
    checkLarge(integer, typeof value === 'bigint' ? value : Number(value));
  switch (elementType) {
    case 'u8':
      return { type, elementType, value: Uint8Array.from(elements, checked(elementType)) };
    case 'i8':
      return { type, elementType, value: Int8Array.from(elements, checked(elementType)) };
    case 'u16':
      return { type, elementType, value: Uint16Array.from(elements, checked(elementType)) };
    case 'i16':
      return { type, elementType, value: Int16Array.from(elements, checked(elementType)) };
    case 'u32':
      return { type, elementType, value: Uint32Array.from(elements, checked(elementType)) };
    case 'i32':
      return { type, elementType, value: Int32Array.from(elements, checked(elementType)) };
    case 'u64':
      return { type, elementType, value: BigUint64Array.from(Array.from(elements, checkedLarge(elementType))) };
    case 'i64':
      return { type, elementType, value: BigInt64Array.from(Array.from(elements, checkedLarge(elementType))) };
    case 'f32':
      return { type, elementType, value: Float32Array.from(elements, Number) };
    case 'f64':
      return { type, elementType, value: Float64Array.from(elements, Number) };
    case 'bool':
      return { type, elementType, value: Uint8Array.from(elements, Number) };
    case 'str':
      return { type, elementType, value: Array.from(elements, String) };
  }
}
