/** A tensor whose type is to be chosen; dimensions in ggml order, contiguous first. */
export interface UntypedTensor {
  readonly name: string;
  readonly dimensions: readonly number[];
}

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
