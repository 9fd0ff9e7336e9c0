import type { AppErrorData } from '../errors/index.ts';
import type { GgufValue } from '../gguf/values.ts';
import type { Config } from '../model/config.ts';
import type { RopeScaling } from './rope.ts';

/**
 * How the values of a tensor change on their way from Hugging Face to GGUF.
 *
 * - `permuteRows`: the rows of each of `heads` heads go from `[2, d/2]` to `[d/2, 2]` order. transformers rotates the two halves of a
 *   head, llama.cpp's "norm" RoPE rotates neighbours.
 * - `addOne`: 1 is added to every value, in F32. Gemma's norms multiply by `1 + weight`.
 * - `transpose`: rows and columns change places. GPT-2's Conv1D stores `[in, out]`.
 */
export type Transform =
  | { readonly kind: 'none' }
  | { readonly kind: 'permuteRows'; readonly heads: number }
  | { readonly kind: 'addOne' }
  | { readonly kind: 'transpose' };

/** One tensor of a family: both of its names, its shape as Hugging Face stores it (outermost first), and its transform. */
export interface TensorRule {
  readonly hf: string;
  readonly gguf: string;
  readonly shape: readonly number[];
  readonly transform: Transform;
  /** llama.cpp loads a model without it. */
  readonly optional: boolean;
}

/** A key of the GGUF file, and its value. */
export type MetadataEntry = readonly [key: string, value: GgufValue];

/** A tensor that no file holds: it follows from the configuration. Always F32. */
export interface ComputedTensor {
  readonly gguf: string;
  readonly values: Float32Array;
}

/** What config.json says, under llama.cpp's names, with the defaults of the family's transformers class filled in. */
export interface Hyperparameters {
  readonly layerCount: number;
  readonly embeddingLength: number;
  readonly feedForwardLength: number;
  readonly headCount: number;
  readonly headCountKv: number;
  /** Values of one key or query head; value heads have the same in all supported families. */
  readonly headDimension: number;
  /** Whether transformers holds `head_dim` as a setting of its own; the converter then writes the key and value lengths. */
  readonly statesHeadDimension: boolean;
  readonly vocabularySize: number;
  readonly contextLength: number;
  /** Epsilon of the RMS norm; of the layer norm for GPT-2. */
  readonly normEpsilon: number;
  /** Undefined for a family without rotary positions. */
  readonly ropeFreqBase: number | undefined;
  /** Base for the layers with a sliding window, where it differs. */
  readonly ropeFreqBaseSwa: number | undefined;
  readonly ropeDimensionCount: number;
  readonly ropeScaling: RopeScaling;
  /** Tokens that a windowed layer looks back over. Undefined where every layer sees the whole context. */
  readonly slidingWindow: number | undefined;
  /** Gemma 2 and 3: every how many layers one sees the whole context. */
  readonly slidingWindowPeriod?: number;
  /** Phi-3: the context before stretching. */
  readonly originalContextLength?: number;
  readonly tiedEmbeddings: boolean;
  /** Only Gemma 2 and 3: zero means "no cap". */
  readonly attentionSoftcap: number | undefined;
  readonly finalSoftcap: number | undefined;
}

/** A model family: how its config.json is read, and what its GGUF file holds. */
export interface Architecture {
  /** Lathe's own name of the family; `mistral` and `llama` share one GGUF architecture. */
  readonly family: string;
  /** `general.architecture`. */
  readonly ggufName: string;
  /** Classes of `architectures` in config.json. */
  readonly hfClasses: readonly string[];
  /** @throws model.badConfig, model.unsupportedConfig */
  hyperparameters(config: Config): Hyperparameters;
  /** The `<architecture>.*` entries and `general.file_type`, in the order in which llama.cpp's converter writes them. */
  metadata(h: Hyperparameters, fileType: number): MetadataEntry[];
  /** All tensors of the family, in model order. */
  tensors(h: Hyperparameters): TensorRule[];
  computed(h: Hyperparameters): ComputedTensor[];
  /** Names of the token embedding and of the output matrix, which may be one and the same. */
  readonly embedding: { readonly input: string; readonly output: string };
  /** The name under which `tensors` lists a stored tensor; null for one that has no part in the language model. */
  canonicalName(stored: string): string | null;
  /** What the GGUF file cannot express. */
  warnings(h: Hyperparameters, config: Config): AppErrorData[];
}
