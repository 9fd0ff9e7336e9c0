import { architectureOf, type Architecture, type Hyperparameters, type TensorRule, type Transform } from '../architectures/index.ts';
import { u32 } from '../architectures/metadata.ts';
import { elementCount } from '../element-count.ts';
import { AppError, type AppErrorData } from '../errors/index.ts';
import type { GgufMetadata } from '../gguf/values.ts';
import { dimensionsToShape } from '../gguf/types.ts';
import { planGguf, type PlannedTensor } from '../gguf/write.ts';
import { textConfig, type Config } from '../model/config.ts';
import { quantizationOf } from '../model/quantization.ts';
import type { ShardTensorInfo } from '../safetensors/shards.ts';
import { vocabularyMetadata } from '../tokenizer/metadata.ts';
import type { GgufVocabulary } from '../tokenizer/types.ts';
import { generalMetadata, loadableName } from './general.ts';
import { matchSources } from './sources.ts';
import { fileTypeOf, floatType, type ChooseType, type FloatTarget } from './types.ts';

/** `GGML_QUANT_VERSION` in ggml.h: which generation of block layouts the file follows. */
const QUANTIZATION_VERSION = 2;

export interface ConversionRequest {
  /** Parsed config.json. */
  readonly config: Config;
  /** Headers of all weight files; `shard` is the name of the file a tensor lies in. */
  readonly tensors: readonly ShardTensorInfo[];
  /** One token for each row of the embedding. */
  readonly vocabulary: GgufVocabulary;
  /** `general.name`. */
  readonly name: string;
  readonly target: FloatTarget;
  readonly licence?: string | undefined;
  /** Parsed generation_config.json. */
  readonly generationConfig?: unknown;
  /** Parsed quantize_config.json of AutoGPTQ. */
  readonly quantizeConfig?: unknown;
  /** A tied model holds its two matrices separately, and their bytes differ (`storedTwice`): keep both. */
  readonly headDiffers?: boolean;
  /** Default: the target for every matrix, F32 for the rest. */
  readonly chooseType?: ChooseType;
  /** `general.file_type`. Default: the target's. */
  readonly fileType?: number;
}

/** Where the values of an output tensor come from. */
export type ValueSource =
  | {
      readonly kind: 'stored';
      readonly tensor: ShardTensorInfo;
      /** Read this many values from the start of the tensor: fewer than it holds where rows beyond the vocabulary are cut off. */
      readonly elements: number;
      /** Of the stored tensor, outermost first, after the cut. */
      readonly shape: readonly number[];
      readonly transform: Transform;
    }
  | { readonly kind: 'computed'; readonly values: Float32Array };

/** One tensor of the output: values from `source`, transformed in F32, cast to `type`, written at `offset`, padded to `paddedBytes`. */
export interface ConvertedTensor extends PlannedTensor {
  readonly source: ValueSource;
}

/** Everything about a GGUF file before its weights are read: write `header`, then each tensor in this order. */
export interface ConversionPlan {
  readonly architecture: Architecture;
  readonly hyperparameters: Hyperparameters;
  readonly metadata: GgufMetadata;
  readonly header: Uint8Array;
  readonly tensors: readonly ConvertedTensor[];
  /** Exact size of the file. */
  readonly totalBytes: number;
  readonly warnings: readonly AppErrorData[];
}

/**
 * Plan the conversion of a Hugging Face folder to one GGUF file. Pure: it needs the headers of the weight files only.
 * @throws model.quantized, model.unknownArchitecture, model.badConfig, model.unsupportedConfig, model.vocabularyMismatch, the errors of
 *   `matchSources`, and gguf.* where a type does not fit a tensor
 */
export function planConversion(request: ConversionRequest): ConversionPlan {
  const config = textConfig(request.config);
  const quantization = quantizationOf(request.config, request.quantizeConfig);
  if (quantization !== undefined) throw new AppError('model.quantized', { method: quantization.label });
  const architecture = architectureOf(request.config);
  const h = architecture.hyperparameters(config);
  const sources = matchSources(architecture, h, request.tensors, request.headDiffers ?? false);
  const rows = vocabularyRows(architecture, h, request.vocabulary.tokens.length);
  const chooseType = request.chooseType ?? floatType(request.target);
  const tensors = [
    // llama.cpp's converter writes them first.
    ...architecture.computed(h).map(({ gguf: name, values }) => ({
      name,
      type: 'F32' as const,
      dimensions: [values.length],
      source: { kind: 'computed', values } satisfies ValueSource,
    })),
    ...[...sources.byRule].map(([rule, tensor]) => storedTensor(rule, tensor, rows, architecture, chooseType)),
  ];
  const metadata: GgufMetadata = new Map([
    ...generalMetadata(architecture.ggufName, {
      name: loadableName(request.name, request.vocabulary.tokens),
      licence: request.licence,
      generationConfig: request.generationConfig,
      parameterCount: tensors.reduce((sum, { dimensions }) => sum + elementCount(dimensions), 0),
    }),
    ...architecture.metadata(h, request.fileType ?? fileTypeOf(request.target)),
    u32('general.quantization_version', QUANTIZATION_VERSION),
    ...vocabularyMetadata(request.vocabulary),
  ]);
  const layout = planGguf({ metadata, tensors });
  return {
    architecture,
    hyperparameters: h,
    metadata,
    header: layout.header,
    tensors: layout.tensors.map((placed, i) => ({ ...placed, source: sourceAt(tensors, i) })),
    totalBytes: layout.totalBytes,
    warnings: [...sources.warnings, ...architecture.warnings(h, config)],
  };
}

/** The layout keeps the order of its input, so place i belongs to source i. */
function sourceAt(tensors: readonly { readonly source: ValueSource }[], i: number): ValueSource {
  const tensor = tensors[i];
  if (tensor === undefined) throw new RangeError(`a layout of more than ${tensors.length} tensors`);
  return tensor.source;
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

function storedTensor(rule: TensorRule, tensor: ShardTensorInfo, rows: number, architecture: Architecture, chooseType: ChooseType) {
  const { input, output } = architecture.embedding;
  const perToken = rule.hf === input || rule.hf === output;
  const shape = perToken ? [rows, ...rule.shape.slice(1)] : rule.shape;
  const dimensions = rule.transform.kind === 'transpose' ? [...shape] : dimensionsToShape(shape);
  const source: ValueSource = { kind: 'stored', tensor, elements: elementCount(shape), shape, transform: rule.transform };
  return { name: rule.gguf, type: chooseType({ name: rule.gguf, dimensions }), dimensions, source };
}
