import type { GgmlTypeName } from '../gguf/types.ts';
import type { ShardTensorInfo } from '../safetensors/shards.ts';

/**
 * A weight that is stored as codes: the tensors that hold them, checked against each other. Decoded it is float32
 * `[outputs, inputs]`, row by row, also where its module (GPT-2's Conv1D) keeps floats the other way round.
 */
export type PackedWeight = PackedGptq | PackedFourBit | PackedInt8 | PackedInt8ZeroPoint | PackedGgml;

/** A linear layer of GPTQ: weight[n, k] = scale · (code − zero) with the group of input k. */
export interface PackedGptq {
  readonly kind: 'gptq';
  readonly bits: 2 | 3 | 4 | 8;
  /** What the file takes off every zero point: 1 in checkpoints of version 1, 0 in version 2. */
  readonly zeroOffset: 0 | 1;
  readonly groups: number;
  /** Inputs that share a scale, where no `g_idx` says otherwise. */
  readonly groupSize: number;
  readonly qweight: ShardTensorInfo;
  readonly qzeros: ShardTensorInfo;
  readonly scales: ShardTensorInfo;
  readonly groupIndex: ShardTensorInfo | undefined;
}

/** bitsandbytes' NF4 or FP4: two codes to a byte, an absmax for each block of the flat matrix. */
export interface PackedFourBit {
  readonly kind: 'fourBit';
  readonly type: 'nf4' | 'fp4';
  readonly blockSize: number;
  /** Under any data type: the bytes count (`bnb_4bit_quant_storage`). */
  readonly codes: ShardTensorInfo;
  readonly absmax: ShardTensorInfo;
  /** The 16 values of the codes. */
  readonly map: ShardTensorInfo;
  /** Where the absmax values are quantized themselves. */
  readonly nested: { readonly absmax: ShardTensorInfo; readonly map: ShardTensorInfo; readonly offset: number } | undefined;
}

/** LLM.int8(): codes and the absmax of each row. */
export interface PackedInt8 {
  readonly kind: 'int8';
  readonly codes: ShardTensorInfo;
  readonly scales: ShardTensorInfo;
}

/** compressed-tensors' "int-quantized" with one scale for each row: weight = scale · (code − zero point). */
export interface PackedInt8ZeroPoint {
  readonly kind: 'int8ZeroPoint';
  readonly codes: ShardTensorInfo;
  readonly scales: ShardTensorInfo;
  readonly zeroPoints: ShardTensorInfo | undefined;
}

/** Rows of a quantized GGUF tensor. */
export interface PackedGgml {
  readonly kind: 'ggml';
  readonly type: GgmlTypeName;
}

/** A tensor of a model as float values: stored as such, or packed. */
export interface SourceTensor extends ShardTensorInfo {
  /** Data type and shape of the tensor are then those of the decoded values (F32), its place that of the codes. */
  readonly packed?: PackedWeight;
}
