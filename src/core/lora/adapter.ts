import type { ShardTensorInfo } from '../safetensors/shards.ts';

/** A factor of a low-rank change: where it lies, and which way round. */
export interface Factor {
  readonly tensor: ShardTensorInfo;
  /** The file holds it with rows and columns changed. */
  readonly isTurned: boolean;
}

/**
 * A low-rank change of one weight matrix: `scale · B · A` is added to it as `[outputs, inputs]`. Of an embedding, the tokens are
 * the inputs, so the stored matrix `[tokens, dimension]` gets the transpose.
 */
export interface LoraModule {
  /** The weight that it changes, as the adapter names it: Hugging Face's name or GGUF's, with `.weight`. */
  readonly weight: string;
  readonly kind: 'linear' | 'embedding';
  readonly rank: number;
  readonly inputs: number;
  readonly outputs: number;
  /** `[rank, inputs]` */
  readonly a: Factor;
  /** `[outputs, rank]` */
  readonly b: Factor;
  /** alpha / rank, or alpha / √rank for rsLoRA (arXiv 2312.03732). */
  readonly scale: number;
  /** DoRA (arXiv 2402.09353): the length of each output's weights after the change, `[outputs]`. */
  readonly magnitude: ShardTensorInfo | undefined;
  /** `scale` times this is added to the bias, `[outputs]`. */
  readonly bias: ShardTensorInfo | undefined;
}

/** A tensor of the base that the adapter replaces as a whole: a trained norm, bias, embedding or output matrix. */
export interface ReplacedTensor {
  readonly name: string;
  readonly tensor: ShardTensorInfo;
  /** It is the base's own below an adapted module, which PEFT saves with some embeddings: both of a tied pair are meant. */
  readonly isWrapped: boolean;
}

/** Rows of an embedding that the adapter replaces. */
export interface ReplacedRows {
  readonly weight: string;
  /** Numbers of the rows, all different, in the order of `tensor`. */
  readonly tokens: readonly number[];
  /** `[tokens.length, dimension]` */
  readonly tensor: ShardTensorInfo;
}

/** A LoRA adapter, from whatever file: everything that changes numbers. The weights themselves stay in their files. */
export interface Adapter {
  readonly format: 'peft' | 'gguf';
  /** The model it was trained on, in its author's words; text for people, never opened. */
  readonly baseName: string | undefined;
  /** `general.architecture`; PEFT does not say. */
  readonly architecture: string | undefined;
  readonly modules: readonly LoraModule[];
  readonly replaced: readonly ReplacedTensor[];
  readonly rows: readonly ReplacedRows[];
  /** In a tied model, the output matrix changes with the embedding. */
  readonly changesTiedPair: boolean;
}

/** Everything that an adapter reads of its files. */
export const tensorsOf = ({ modules, replaced, rows }: Adapter): readonly ShardTensorInfo[] => [
  ...modules.flatMap(({ a, b, magnitude, bias }) => [a.tensor, b.tensor, magnitude ?? [], bias ?? []].flat()),
  ...replaced.map(({ tensor }) => tensor),
  ...rows.map(({ tensor }) => tensor),
];
