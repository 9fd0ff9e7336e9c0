import type { ValueSource } from '../convert/plan.ts';
import type { AppErrorData } from '../errors/index.ts';
import type { GgufMetadata } from '../gguf/values.ts';
import type { NewGgufTensor } from '../gguf/write.ts';
import type { ShardPlan } from '../safetensors/write.ts';
import type { PlannedText } from './hf-config.ts';
import type { Encoder } from './encoder.ts';
import type { FolderFile } from './kept-files.ts';
import type { QuantizeTarget } from './targets.ts';

/** Why a tensor becomes what it becomes. */
export type Reason =
  /** By the recipe. */
  | 'mix'
  /** By the user. */
  | 'override'
  /** Its rows do not fit the recipe's type. */
  | 'fallback'
  /** Never quantized, or not by this recipe. */
  | 'kept'
  /** Repacked bit for bit. */
  | 'exact';

/** Where a part of an encoded tensor lies in the output. */
export interface Place {
  /** Number of the file among `files` of the output. */
  readonly file: number;
  readonly offset: number;
  readonly sizeBytes: number;
}

/** One tensor of the output: all that is needed to make it. */
export interface QuantizedTensor {
  readonly name: string;
  /** Null for what belongs to no layer. */
  readonly layer: number | null;
  /** numpy order: outputs first. */
  readonly shape: readonly number[];
  readonly from: string;
  readonly to: string;
  readonly sizeBytes: number;
  readonly why: Reason;
  /** Its type is too coarse to be any good without an importance matrix, and there is none. */
  readonly needsImatrix: boolean;
  readonly source: ValueSource;
  readonly encoder: Encoder;
  /** By part; what has only one calls it `codes`. */
  readonly places: Readonly<Record<string, Place>>;
}

/** One GGUF file, or a folder of safetensors files and what belongs to them. */
export type PlannedOutput =
  | { readonly format: 'gguf'; readonly metadata: GgufMetadata; readonly tensors: readonly NewGgufTensor[] }
  | {
      readonly format: 'hf';
      readonly weights: readonly ShardPlan[];
      /** Written from these texts. */
      readonly texts: readonly PlannedText[];
      /** Copied from the source. */
      readonly copied: readonly FolderFile[];
    };

export interface QuantizationPlan {
  readonly target: QuantizeTarget;
  readonly output: PlannedOutput;
  readonly tensors: readonly QuantizedTensor[];
  /** Of all files together, exact. */
  readonly sizeBytes: number;
  readonly bitsPerWeight: number;
  /** What carrying it out takes at most, beside the program itself. */
  readonly memoryBytes: number;
  readonly needsCalibration: boolean;
  readonly warnings: readonly AppErrorData[];
}
