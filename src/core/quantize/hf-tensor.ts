import type { NewTensor } from '../safetensors/write.ts';

/** A weight of a Hugging Face folder that is to be quantized: one linear layer, `weight` as `[out, in]`. */
export interface LinearWeight {
  /** Module path: `model.layers.0.self_attn.q_proj`. */
  readonly module: string;
  readonly outputs: number;
  readonly inputs: number;
}

/** The tensors that a weight becomes, by the part that each plays. */
export type PackedTensors = Readonly<Record<string, NewTensor>>;

/** What every Hugging Face folder says of its quantization; written into config.json as `quantization_config`. */
export type QuantizationConfig = Readonly<Record<string, unknown>>;
