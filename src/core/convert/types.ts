import { fileTypes } from '../gguf/file-types.ts';
import type { GgmlTypeName } from '../gguf/types.ts';

/** The unquantized targets. */
export type FloatTarget = 'f32' | 'f16' | 'bf16';

/** A tensor whose type is to be chosen; dimensions in ggml order, contiguous first. */
export interface UntypedTensor {
  readonly name: string;
  readonly dimensions: readonly number[];
}

const typeOfTarget = { f32: 'F32', f16: 'F16', bf16: 'BF16' } as const;

/** `general.file_type` of an unquantized file. */
export const fileTypeOf = (target: FloatTarget): number => fileTypes[typeOfTarget[target]];

/**
 * Whether a tensor stays in F32 in every file: vectors, norms, expert gates, position tables, and what is no weight. Many of ggml's
 * backends know these operands in F32 alone. Source: `prepare_tensors` in llama.cpp's `conversion/base.py`.
 */
export const staysF32 = ({ name, dimensions }: UntypedTensor): boolean =>
  dimensions.length <= 1 ||
  !name.endsWith('.weight') ||
  name.endsWith('_norm.weight') ||
  name === 'position_embd.weight' ||
  /^blk\.\d+\.ffn_gate_inp\.weight$/.test(name);

/** The target for every tensor that does not stay in F32. */
export const floatType =
  (target: FloatTarget) =>
  (tensor: UntypedTensor): GgmlTypeName =>
    staysF32(tensor) ? 'F32' : typeOfTarget[target];
