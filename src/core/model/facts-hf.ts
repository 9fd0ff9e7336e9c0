import { findArchitecture, type Architecture, type Hyperparameters } from '../architectures/index.ts';
import { storedTwice } from '../convert/sources.ts';
import { elementCount } from '../element-count.ts';
import { AppError } from '../errors/index.ts';
import type { TensorInfo } from '../safetensors/read.ts';
import { architectureClass, asBoolean, asCount, asPositive, asText, isConfig, textConfig, type Config } from './config.ts';
import { countBytes, factsOf, type ModelFacts } from './facts.ts';
import { quantizationOf, type Quantization } from './quantization.ts';

/** What a model folder holds beside its weights, parsed; undefined where a file is absent. */
export interface HfDescription {
  readonly config: Config;
  readonly tensors: readonly TensorInfo[];
  /** Of tokenizer_config.json. */
  readonly tokenizerConfig?: unknown;
  /** quantize_config.json of AutoGPTQ. */
  readonly quantizeConfig?: unknown;
  /** Whether chat_template.jinja or chat_template.json lies in the folder. */
  readonly hasTemplateFile?: boolean;
  /** `model.type` of tokenizer.json, or `SentencePiece`. */
  readonly tokenizerModel?: string | undefined;
  /** Text of README.md. */
  readonly modelCard?: string | undefined;
  readonly name?: string | undefined;
}

/** The facts of a Hugging Face folder. Never throws: of a family that Lathe does not know, the common fields are read. */
export function factsFromHf(description: HfDescription): ModelFacts {
  const { config, tensors } = description;
  const inner = textConfig(config);
  const architecture = findArchitecture(config);
  const h = architecture === undefined ? undefined : hyperparametersOf(architecture, inner);
  const repeated = architecture === undefined || h === undefined ? null : storedTwice(architecture, h, tensors);
  const quantization = quantizationOf(config, description.quantizeConfig);
  const bytes = countBytes(tensors.map(({ dtype, sizeBytes }) => ({ type: dtype, sizeBytes })));
  const first = (...fields: string[]): number | undefined =>
    fields.map((field) => asCount(inner[field])).find((value) => value !== undefined);
  const headCount = h?.headCount ?? first('num_attention_heads', 'n_head', 'n_heads');
  const headDimension = h?.headDimension ?? first('head_dim');
  return factsOf<ModelFacts>({
    name: description.name,
    architecture: architecture?.ggufName,
    architectureClass: architectureClass(config),
    modelType: asText(config['model_type']),
    parameterCount:
      tensors.length === 0
        ? undefined
        : parameters(repeated === null ? tensors : tensors.filter((tensor) => tensor !== repeated.output), quantization),
    layerCount: h?.layerCount ?? first('num_hidden_layers', 'n_layer', 'n_layers'),
    embeddingLength: h?.embeddingLength ?? first('hidden_size', 'n_embd', 'dim'),
    feedForwardLength: h?.feedForwardLength ?? first('intermediate_size', 'n_inner'),
    headCount,
    headCountKv: h?.headCountKv ?? first('num_key_value_heads', 'n_kv_heads') ?? headCount,
    headDimension,
    valueLength: h?.headDimension ?? first('v_head_dim', 'head_dim'),
    vocabularySize: h?.vocabularySize ?? first('vocab_size'),
    contextLength: h?.contextLength ?? first('max_position_embeddings', 'n_positions', 'n_ctx', 'max_sequence_length'),
    slidingWindow: h === undefined ? first('sliding_window') : h.slidingWindow,
    expertCount: first('num_local_experts', 'num_experts', 'n_routed_experts'),
    expertUsedCount: first('num_experts_per_tok', 'num_experts_per_token'),
    ropeFreqBase: h === undefined ? asPositive(inner['rope_theta']) : h.ropeFreqBase,
    tiedEmbeddings: h?.tiedEmbeddings ?? asBoolean(inner['tie_word_embeddings']),
    quantization: quantization?.label ?? floatLabel(bytes.bytesByType),
    ...bytes,
    tokenizerModel: description.tokenizerModel,
    hasChatTemplate: description.hasTemplateFile === true || hasTemplate(description.tokenizerConfig),
    licence: description.modelCard === undefined ? undefined : licenceOf(description.modelCard),
  });
}

/** The family's own reading of the config, where it has no mistakes. */
function hyperparametersOf(architecture: Architecture, config: Config): Hyperparameters | undefined {
  try {
    return architecture.hyperparameters(config);
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

const isFloat = (dtype: string): boolean => /^(B?F16|F32|F64|F8_)/.test(dtype);

/** The float type that takes most bytes: biases and norms in F32 do not make a BF16 model an F32 one. */
function floatLabel(bytesByType: Readonly<Record<string, number>> | undefined): string | undefined {
  return Object.entries(bytesByType ?? {})
    .filter(([dtype]) => isFloat(dtype))
    .sort(([, left], [, right]) => right - left)[0]?.[0];
}

const hasTemplate = (tokenizerConfig: unknown): boolean => {
  const template = isConfig(tokenizerConfig) ? tokenizerConfig['chat_template'] : undefined;
  return asText(template) !== undefined || (Array.isArray(template) && template.length > 0);
};

/** Parameters before quantization: packed words are counted by what they hold, scales and tables not at all. */
function parameters(tensors: readonly TensorInfo[], quantization: Quantization | undefined): number {
  return tensors.reduce((sum, { name, dtype, shape, sizeBytes }) => {
    if (quantization === undefined) return sum + elementCount(shape);
    if (quantization.auxiliary.test(name)) return sum;
    // A float tensor among packed ones was left as it is; bitsandbytes may store 4-bit words under a float type, but then as a column.
    const packed =
      quantization.packed.test(name) && (!isFloat(dtype) || (quantization.packsFloats && shape.length === 2 && shape[1] === 1));
    return sum + (packed ? Math.floor((sizeBytes * 8) / quantization.bits) : elementCount(shape));
  }, 0);
}

/** Enough for any model card's head; the text behind it can be long. */
const FRONT_MATTER_LENGTH = 16_384;

/** `license` in the YAML between the first two lines of `---`. Only the plain form `license: apache-2.0` is understood. */
export function licenceOf(modelCard: string): string | undefined {
  const head = /^---\r?\n(.*?)\r?\n---/s.exec(modelCard.slice(0, FRONT_MATTER_LENGTH))?.[1];
  const value = head === undefined ? undefined : /^license:[ \t]*["']?([\w.+-]{1,64})["']?[ \t]*$/m.exec(head)?.[1];
  return value === undefined || value === 'unknown' ? undefined : value;
}
