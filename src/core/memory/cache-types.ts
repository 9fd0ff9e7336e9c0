import { ggmlTypes, type GgmlTypeName } from '../gguf/types.ts';

/** What llama.cpp keeps keys and values in (`--cache-type-k`, common/arg.cpp), from the largest to the smallest. */
export const cacheTypes = [
  'F32',
  'F16',
  'BF16',
  'Q8_0',
  'Q5_1',
  'Q5_0',
  'Q4_1',
  'Q4_0',
  'IQ4_NL',
] as const satisfies readonly GgmlTypeName[];
export type CacheType = (typeof cacheTypes)[number];

/** Bytes of `length` elements of a row, which are a whole number of blocks (`ggml_row_size`). */
export function rowBytes(type: GgmlTypeName, length: number): number {
  const { blockSize, bytesPerBlock } = ggmlTypes[type];
  return Math.ceil(length / blockSize) * bytesPerBlock;
}
