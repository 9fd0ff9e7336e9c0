import { elementCount } from '../element-count.ts';
import { AppError } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';

/** How a tensor type packs its elements: a row is a whole number of blocks. */
export interface GgmlType {
  /** The number in the file (`enum ggml_type`, ggml.h). It is neither `enum ggml_ftype` nor `enum llama_ftype`. */
  readonly id: number;
  /** Elements in a block. */
  readonly blockSize: number;
  readonly bytesPerBlock: number;
}

const type = (id: number, blockSize: number, bytesPerBlock: number): GgmlType => ({ id, blockSize, bytesPerBlock });

/** Every tensor type of the llama.cpp that Lathe is built with (ggml.h, sizes of the blocks in ggml-common.h). */
export const ggmlTypes = {
  F32: type(0, 1, 4),
  F16: type(1, 1, 2),
  Q4_0: type(2, 32, 18),
  Q4_1: type(3, 32, 20),
  Q5_0: type(6, 32, 22),
  Q5_1: type(7, 32, 24),
  Q8_0: type(8, 32, 34),
  Q8_1: type(9, 32, 36),
  Q2_K: type(10, 256, 84),
  Q3_K: type(11, 256, 110),
  Q4_K: type(12, 256, 144),
  Q5_K: type(13, 256, 176),
  Q6_K: type(14, 256, 210),
  Q8_K: type(15, 256, 292),
  IQ2_XXS: type(16, 256, 66),
  IQ2_XS: type(17, 256, 74),
  IQ3_XXS: type(18, 256, 98),
  IQ1_S: type(19, 256, 50),
  IQ4_NL: type(20, 32, 18),
  IQ3_S: type(21, 256, 110),
  IQ2_S: type(22, 256, 82),
  IQ4_XS: type(23, 256, 136),
  I8: type(24, 1, 1),
  I16: type(25, 1, 2),
  I32: type(26, 1, 4),
  I64: type(27, 1, 8),
  F64: type(28, 1, 8),
  IQ1_M: type(29, 256, 56),
  BF16: type(30, 1, 2),
  TQ1_0: type(34, 256, 54),
  TQ2_0: type(35, 256, 66),
  MXFP4: type(39, 32, 17),
  NVFP4: type(40, 64, 36),
  Q1_0: type(41, 128, 18),
  Q2_0: type(42, 64, 18),
} as const satisfies Record<string, GgmlType>;

export type GgmlTypeName = keyof typeof ggmlTypes;

/** Whether the elements of a type are codes with scales, rather than numbers of their own (`ggml_is_quantized`). */
export const isQuantized = (name: GgmlTypeName): boolean => ggmlTypes[name].blockSize > 1;

/** Q4_2, Q4_3, the interleaved Q4_0 and IQ4_NL: once in files, now in no reader. */
export const removedGgmlTypes: ReadonlySet<number> = new Set([4, 5, 31, 32, 33, 36, 37, 38]);

const namesById: ReadonlyMap<number, GgmlTypeName> = new Map(
  (Object.keys(ggmlTypes) as GgmlTypeName[]).map((name) => [ggmlTypes[name].id, name]),
);

/** The type with this number, or undefined for a removed or unknown one. */
export const ggmlTypeName = (id: number): GgmlTypeName | undefined => namesById.get(id);

/** `GGML_MAX_DIMS`. */
export const MAX_DIMENSIONS = 4;

/**
 * Bytes of a tensor of these dimensions (ggml order: the contiguous one first), without padding. Exact, or an error:
 * `gguf.tooManyDimensions`, `gguf.invalidShape` where the size is not representable, `gguf.partialBlock` where a row is
 * no whole number of blocks.
 */
export function tensorBytes(
  typeName: GgmlTypeName,
  dimensions: readonly number[],
  named: { readonly file: string; readonly tensor: string } = { file: 'GGUF', tensor: typeName },
): number {
  const { blockSize, bytesPerBlock } = ggmlTypes[typeName];
  if (dimensions.length > MAX_DIMENSIONS)
    throw new AppError('gguf.tooManyDimensions', { ...shown(named), found: dimensions.length, limit: MAX_DIMENSIONS });
  const elements = elementCount(dimensions);
  const sizeBytes = (elements / blockSize) * bytesPerBlock;
  // The elements are checked as well as the bytes, since a reader in C counts elements before it counts blocks.
  if (!(elements <= Number.MAX_SAFE_INTEGER && sizeBytes <= Number.MAX_SAFE_INTEGER))
    throw new AppError('gguf.invalidShape', { ...shown(named), dimensions: dimensions.join(', ') });
  const [rowLength = 1] = dimensions;
  if (rowLength % blockSize !== 0) throw new AppError('gguf.partialBlock', { ...shown(named), rowLength, blockSize, type: typeName });
  return sizeBytes;
}

const shown = ({ file, tensor }: { readonly file: string; readonly tensor: string }) => ({ file, tensor: excerpt(tensor) });

/** ggml names the contiguous dimension first, numpy and Hugging Face name it last. The same function leads back. */
export const dimensionsToShape = (dimensions: readonly number[]): number[] => dimensions.toReversed();

/** The next multiple of `alignment`. */
export const alignUp = (offset: number, alignment: number): number => Math.ceil(offset / alignment) * alignment;
