/**
 * What a model's files say of it. Undefined means that they do not say, or say something that cannot be; nothing is guessed and
 * nothing is ever NaN. `facts-hf.ts` reads them from config.json and safetensors headers, `facts-gguf.ts` from a GGUF header,
 * `facts-adapter.ts` from adapter_config.json.
 */
export interface ModelFacts {
  readonly name?: string;
  /** GGUF name of the family. */
  readonly architecture?: string;
  /** Class of transformers. */
  readonly architectureClass?: string;
  /** `model_type` of config.json. */
  readonly modelType?: string;
  /** Of the unquantized model; a matrix shared by input and output counts once. */
  readonly parameterCount?: number;
  readonly layerCount?: number;
  readonly embeddingLength?: number;
  readonly feedForwardLength?: number;
  readonly headCount?: number;
  readonly headCountKv?: number;
  /** Values of one query or key head. */
  readonly headDimension?: number;
  /** Values of one value head. */
  readonly valueLength?: number;
  readonly vocabularySize?: number;
  /** Tokens. */
  readonly contextLength?: number;
  /** Tokens that a windowed layer looks back over. */
  readonly slidingWindow?: number;
  readonly expertCount?: number;
  readonly expertUsedCount?: number;
  readonly ropeFreqBase?: number;
  readonly tiedEmbeddings?: boolean;
  /** As people write it: `F16`, `Q4_K_M`, `GPTQ 4-bit g128`. */
  readonly quantization?: string;
  readonly tensorCount?: number;
  readonly tensorBytes?: number;
  /** Bytes of the tensors of each stored type. */
  readonly bytesByType?: Readonly<Record<string, number>>;
  /** `tokenizer.ggml.model`, or the kind of tokenizer that the folder holds. */
  readonly tokenizerModel?: string;
  readonly hasChatTemplate?: boolean;
  readonly licence?: string;
  readonly adapter?: AdapterFacts;
}

export interface AdapterFacts {
  readonly rank?: number;
  readonly alpha?: number;
  readonly targetModules?: readonly string[];
  readonly baseModel?: string;
}

type Draft<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** Facts without the fields that are not known. */
export function factsOf<T extends object>(draft: Draft<T>): T {
  return Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== undefined)) as T;
}

/** Tensors counted by their stored type. */
export function countBytes(
  tensors: readonly { readonly type: string; readonly sizeBytes: number }[],
): Pick<ModelFacts, 'tensorCount' | 'tensorBytes' | 'bytesByType'> {
  const bytesByType: Record<string, number> = {};
  let tensorBytes = 0;
  for (const { type, sizeBytes } of tensors) {
    bytesByType[type] = (bytesByType[type] ?? 0) + sizeBytes;
    tensorBytes += sizeBytes;
  }
  return { tensorCount: tensors.length, tensorBytes, bytesByType };
}

/** The stored type that takes most of the bytes. */
export function dominantType(bytesByType: Readonly<Record<string, number>> | undefined): string | undefined {
  return Object.entries(bytesByType ?? {}).sort(([, left], [, right]) => right - left)[0]?.[0];
}
