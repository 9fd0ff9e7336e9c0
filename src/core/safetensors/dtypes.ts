import { elementCount } from '../element-count.ts';

/**
 * Bits of one element of each data type (safetensors 0.8, `Dtype`). The order is that of the reference library, by
 * rising alignment: a writer puts tensors into a file from the last type to the first.
 */
export const safetensorsDtypes = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

export type SafetensorsDtype = keyof typeof safetensorsDtypes;

export const isSafetensorsDtype = (name: string): name is SafetensorsDtype => Object.hasOwn(safetensorsDtypes, name);

/**
 * Bytes of a tensor, row-major and without padding. Infinity where the shape or its size is not exactly representable;
 * a fraction where the elements (F4, F6) do not fill whole bytes.
 */
export function safetensorsBytes(dtype: SafetensorsDtype, shape: readonly number[]): number {
  const bits = elementCount(shape) * safetensorsDtypes[dtype];
  return bits <= Number.MAX_SAFE_INTEGER ? bits / 8 : Infinity;
}
