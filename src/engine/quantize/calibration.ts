/** What GPTQ needs to know of the model while it runs. Tensors go by their GGUF names. */
export interface Calibration {
  /** 2/n · Σ x·xᵀ over the inputs x of a tensor, [inputs × inputs]. Asked for in the order in which the model computes. */
  hessian(tensor: string): Promise<Float32Array>;
  /**
   * True-sequential: the values that a tensor has from now on, [outputs × inputs] in GGUF's order of rows. What comes after
   * it is calibrated on these.
   */
  replace?(tensor: string, values: Float32Array): Promise<void>;
}

const stages: readonly RegExp[] = [
  /\.attn_(q|k|v|qkv)\.weight$/,
  /\.attn_output\.weight$/,
  /\.ffn_(up|gate)\.weight$/,
  /\.ffn_down\.weight$/,
];

/**
 * Sorts tensors into the order in which a layer computes: what shares its inputs stands together.
 */
export function inModelOrder<T>(items: readonly T[], nameOf: (item: T) => string): readonly T[] {
  const place = (item: T): number => {
    const name = nameOf(item);
    const layer = Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? 0);
    const stage = stages.findIndex((pattern) => pattern.test(name));
    return layer * (stages.length + 1) + (stage === -1 ? stages.length : stage);
  };
  return items
    .map((item) => [place(item), item] as const)
    .toSorted(([left], [right]) => left - right)
    .map(([, item]) => item);
}
