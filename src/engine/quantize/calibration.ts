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
