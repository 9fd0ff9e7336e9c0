import { architectureOf, type Architecture, type Hyperparameters, type TensorRule, type Transform } from '../architectures/index.ts';
import { u32 } from '../architectures/metadata.ts';
import { elementCount } from '../element-count.ts';
import { AppError, type AppErrorData } from '../errors/index.ts';
import type { GgufMetadata } from '../gguf/values.ts';
import { dimensionsToShape } from '../gguf/types.ts';
import { textConfig, type Config } from '../model/config.ts';
import type { SourceTensor } from '../quantize/packed.ts';
import { vocabularyMetadata } from '../tokenizer/metadata.ts';
import type { GgufVocabulary } from '../tokenizer/types.ts';
import { generalMetadata, loadableName } from './general.ts';
import { matchSources, type Sources } from './sources.ts';
import type { UntypedTensor } from './types.ts';

/** `GGML_QUANT_VERSION` in ggml.h: which generation of block layouts the file follows. */
export const QUANTIZATION_VERSION = 2;

/** Everything that a GGUF file is made from, but for the types of its tensors. */
export interface ModelRequest {
  /** Parsed config.json. */
  readonly config: Config;
  /** Headers of all weight files; `shard` is the name of the file a tensor lies in. */
  readonly tensors: readonly SourceTensor[];
  /** One token for each row of the embedding. */
  readonly vocabulary: GgufVocabulary;
  /** `general.name`. */
  readonly name: string;
  readonly licence?: string | undefined;
  /** Parsed generation_config.json. */
  readonly generationConfig?: unknown;
  /** A tied model holds its two matrices separately, and their bytes differ (`storedTwice`): keep both. */
  readonly headDiffers?: boolean;
}

/** Where the values of an output tensor come from. */
export type ValueSource =
  | {
      readonly kind: 'stored';
      readonly tensor: SourceTensor;
      /** Read this many values from the start of the tensor: fewer than it holds where rows beyond the vocabulary are cut off. */
      readonly elements: number;
      /** Of the stored tensor, outermost first, after the cut. */
      readonly shape: readonly number[];
      readonly transform: Transform;
    }
  | { readonly kind: 'computed'; readonly values: Float32Array };

/** A tensor of the output whose type is not chosen yet; dimensions in ggml order. */
export interface UntypedOutput extends UntypedTensor {
  readonly source: ValueSource;
}

/** A model as a GGUF file will show it, before the types of its tensors are chosen. */
export interface ModelDescription {
  readonly architecture: Architecture;
  readonly hyperparameters: Hyperparameters;
  readonly sources: Sources;
  readonly tensors: readonly UntypedOutput[];
  readonly metadata: (fileType: number) => GgufMetadata;
  readonly warnings: readonly AppErrorData[];
}

/**
 * What a Hugging Face folder becomes in GGUF: its tensors under their new names, and its metadata.
 * @throws model.unknownArchitecture, model.badConfig, model.unsupportedConfig, model.vocabularyMismatch, the errors of `matchSources`
 */
export function describeModel(request: ModelRequest): ModelDescription {
  const config = textConfig(request.config);
  const architecture = architectureOf(request.config);
  const h = architecture.hyperparameters(config);
  const sources = matchSources(architecture, h, request.tensors, request.headDiffers ?? false);
  const rows = vocabularyRows(architecture, h, request.vocabulary.tokens.length);
  const tensors: UntypedOutput[] = [
    // llama.cpp's converter writes them first.
    ...architecture.computed(h).map(({ gguf: name, values }) => ({
      name,
      dimensions: [values.length],
      source: { kind: 'computed', values } satisfies ValueSource,
    })),
    ...[...sources.byRule].map(([rule, tensor]) => storedTensor(rule, tensor, rows, architecture)),
  ];
  const metadata = (fileType: number): GgufMetadata =>
    new Map([
      ...generalMetadata(architecture.ggufName, {
        name: loadableName(request.name, request.vocabulary.tokens),
        licence: request.licence,
        generationConfig: request.generationConfig,
        parameterCount: tensors.reduce((sum, { dimensions }) => sum + elementCount(dimensions), 0),
      }),
      ...architecture.metadata(h, fileType),
      u32('general.quantization_version', QUANTIZATION_VERSION),
      ...vocabularyMetadata(request.vocabulary),
    ]);
  return {
    architecture,
    hyperparameters: h,
    sources,
    tensors,
    metadata,
    warnings: [...sources.warnings, ...architecture.warnings(h, config)],
  };
}

/**
 * Rows of the matrices that have one for each token. The loader wants exactly as many as there are tokens. Gemma 3 alone may have
 * more: rows that multimodal training reserved.
 * @throws model.vocabularyMismatch
 */
function vocabularyRows(architecture: Architecture, h: Hyperparameters, tokenCount: number): number {
  const mayCut = architecture.ggufName === 'gemma3' && tokenCount < h.vocabularySize && tokenCount > 0;
  if (tokenCount !== h.vocabularySize && !mayCut)
    throw new AppError('model.vocabularyMismatch', { tokens: tokenCount, rows: h.vocabularySize });
  return tokenCount;
}

function storedTensor(rule: TensorRule, tensor: SourceTensor, rows: number, architecture: Architecture): UntypedOutput {
  const { input, output } = architecture.embedding;
  const perToken = rule.hf === input || rule.hf === output;
  const ruled = perToken ? [rows, ...rule.shape.slice(1)] : rule.shape;
  const dimensions = rule.transform.kind === 'transpose' ? [...ruled] : dimensionsToShape(ruled);
  // Quantized weights are `[out, in]` already.
  const isTurned = rule.transform.kind === 'transpose' && tensor.packed !== undefined;
  const shape = isTurned ? ruled.toReversed() : ruled;
  const transform: Transform = isTurned ? { kind: 'none' } : rule.transform;
  return { name: rule.gguf, dimensions, source: { kind: 'stored', tensor, elements: elementCount(shape), shape, transform } };
}
