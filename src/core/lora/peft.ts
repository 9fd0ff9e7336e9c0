import { floatDtypes } from '../convert/sources.ts';
import { AppError } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import type { Config } from '../model/config.ts';
import type { ShardTensorInfo } from '../safetensors/shards.ts';
import type { Adapter, LoraModule, ReplacedRows, ReplacedTensor } from './adapter.ts';
import { readPeftConfig, type PeftConfig } from './peft-config.ts';

/** Every name in adapter_model.safetensors begins so: a PeftModel holds a LoraModel, which holds the model. */
export const PEFT_PREFIX = 'base_model.model.';

/** Where an input embedding lies, in the words of all families; for `trainable_token_indices` without a name. */
const embeddingModule = /(^|\.)(embed_tokens|wte|word_embeddings|embed_in|embedding)$/;

/** The parts of a module that a file may hold, by the end of their names. `.default`, the adapter's name, is left out when PEFT saves. */
const partNames = [
  ['a', /\.lora_A(\.default)?\.weight$/],
  ['b', /\.lora_B(\.default)?\.weight$/],
  ['bias', /\.lora_B(\.default)?\.bias$/],
  ['embeddingA', /\.lora_embedding_A(\.default)?$/],
  ['embeddingB', /\.lora_embedding_B(\.default)?$/],
  ['magnitude', /\.lora_magnitude_vector(\.default)?(\.weight)?$/],
  ['rows', /\.token_adapter\.trainable_tokens_delta(\.default)?$/],
] as const;
type Part = (typeof partNames)[number][0];

/** Where PEFT keeps a tensor of the base, whole: `modules_to_save`, and what it wraps. */
const replacedName = /(\.modules_to_save(\.default)?|\.base_layer)?\.(weight|bias)$/;

/** A PEFT adapter: its adapter_config.json and the headers of its weights. */
export interface PeftFiles {
  readonly config: Config;
  readonly tensors: readonly ShardTensorInfo[];
  /** What to call it in an error. */
  readonly file: string;
}

/**
 * Read a PEFT adapter. Every tensor of the file gets a meaning, or the file is refused.
 * @throws adapters.* (those of `readPeftConfig`; unknownTensor, missingHalf, shapeMismatch, rankMismatch, badType, empty)
 */
export function readPeftAdapter({ config, tensors, file }: PeftFiles): Adapter {
  const settings = readPeftConfig(config);
  const parts = new Map<string, Partial<Record<Part, ShardTensorInfo>>>();
  const replaced: ReplacedTensor[] = [];
  for (const tensor of tensors) {
    const { name, dtype } = tensor;
    if (!floatDtypes.has(dtype)) throw new AppError('adapters.badType', { tensor: excerpt(name), dtype });
    if (!name.startsWith(PEFT_PREFIX)) throw unknown(name);
    const path = name.slice(PEFT_PREFIX.length);
    const found = partNames.find(([, ending]) => ending.test(path));
    if (found === undefined) {
      replaced.push({ name: replacedTensorName(path, name), tensor, isWrapped: path.endsWith('.base_layer.weight') });
      continue;
    }
    const [part, ending] = found;
    const module = path.replace(ending, '');
    parts.set(module, { ...parts.get(module), [part]: tensor });
  }
  const modules = [...parts].flatMap(([path, found]) => readModule(path, found, settings) ?? []);
  const rows = [...parts].flatMap(([path, found]) => readRows(path, found.rows, settings) ?? []);
  for (const path of settings.tokens.keys())
    if (path !== null && !rows.some(({ weight }) => endsWithPath(weight, `${path}.weight`)))
      throw new AppError('adapters.missingHalf', {
        tensor: 'trainable_token_indices',
        missing: excerpt(`${path}.token_adapter.trainable_tokens_delta`),
      });
  if (modules.length + replaced.length + rows.length === 0) throw new AppError('adapters.empty', { file });
  const { baseName, changesTiedPair } = settings;
  return {
    format: 'peft',
    baseName,
    architecture: undefined,
    modules,
    replaced,
    rows,
    // Trained rows of a tied pair are shared by both matrices, in PEFT also without `ensure_weight_tying`.
    changesTiedPair: changesTiedPair || (rows.length > 0 && modules.every(({ kind }) => kind !== 'embedding')),
  };
}

const unknown = (name: string): AppError => new AppError('adapters.unknownTensor', { tensor: excerpt(name) });

function replacedTensorName(path: string, name: string): string {
  const found = replacedName.exec(path);
  const module = path.replace(replacedName, '');
  if (found === null || /(^|\.)(lora_|original_module|token_adapter|modules_to_save|base_layer)/.test(module)) throw unknown(name);
  return `${module}.${found[3]}`;
}

const endsWithPath = (name: string, path: string): boolean => name === path || name.endsWith(`.${path}`);

export const shapeText = (shape: readonly number[]): string => `[${excerpt(shape.join(', '))}]`;

/** The error of two tensors that belong together and do not fit. */
const mismatch = (tensor: ShardTensorInfo, other: ShardTensorInfo): AppError =>
  new AppError('adapters.shapeMismatch', {
    tensor: excerpt(tensor.name),
    shape: shapeText(tensor.shape),
    other: excerpt(other.name),
    otherShape: shapeText(other.shape),
  });

/** Hold the shapes of a module against each other; `a` and `b` are `[rank, inputs]` and `[outputs, rank]`, turned or not. */
export function checkedModule(module: Omit<LoraModule, 'rank' | 'inputs' | 'outputs'>): LoraModule {
  const { a, b, magnitude, bias } = module;
  const [rank = 0, inputs = 0] = a.isTurned ? a.tensor.shape.toReversed() : a.tensor.shape;
  const [outputs = 0, otherRank] = b.isTurned ? b.tensor.shape.toReversed() : b.tensor.shape;
  const isMatrix = ({ shape }: ShardTensorInfo): boolean => shape.length === 2 && shape.every((size) => size > 0);
  if (!isMatrix(a.tensor) || !isMatrix(b.tensor) || rank !== otherRank) throw mismatch(a.tensor, b.tensor);
  for (const vector of [magnitude, bias])
    if (vector !== undefined && !(vector.shape.length === 1 && vector.shape[0] === outputs)) throw mismatch(vector, b.tensor);
  return { ...module, rank, inputs, outputs };
}

function readModule(path: string, found: Partial<Record<Part, ShardTensorInfo>>, settings: PeftConfig): LoraModule | undefined {
  const isEmbedding = found.embeddingA !== undefined || found.embeddingB !== undefined;
  const a = isEmbedding ? found.embeddingA : found.a;
  const b = isEmbedding ? found.embeddingB : found.b;
  const other = found.bias ?? found.magnitude ?? (isEmbedding ? (found.a ?? found.b) : undefined);
  const missing = (present: ShardTensorInfo, part: string): AppError =>
    new AppError('adapters.missingHalf', { tensor: excerpt(present.name), missing: excerpt(`${path}.${part}`) });
  if (isEmbedding && (found.a ?? found.b ?? found.bias) !== undefined) throw unknown((found.a ?? found.b ?? found.bias)?.name ?? path);
  if (a === undefined) {
    if (b === undefined && other === undefined) return undefined;
    throw missing(b ?? other ?? raise(path), isEmbedding ? 'lora_embedding_A' : 'lora_A.weight');
  }
  if (b === undefined) throw missing(a, isEmbedding ? 'lora_embedding_B' : 'lora_B.weight');
  // Several parameters of one module are wrapped one in the other; only the weight itself has a place in our files.
  if (/(^|\.)base_layer(\.|$)/.test(path)) throw unknown(a.name);
  const parameter = settings.parameters.find((name) => endsWithPath(`${path}.weight`, name) || endsWithPath(path, parentOf(name)));
  if (parameter !== undefined && !parameter.endsWith('.weight'))
    throw new AppError('adapters.unsupportedField', { field: 'target_parameters', value: excerpt(parameter) });
  if (settings.usesDora && found.magnitude === undefined) throw missing(a, 'lora_magnitude_vector');
  if (!settings.usesDora && found.magnitude !== undefined) throw unknown(found.magnitude.name);
  const key = parameter === undefined ? path : `${path}.weight`;
  const rank = settings.rankOf(key);
  const module = checkedModule({
    weight: `${path}.weight`,
    kind: isEmbedding ? 'embedding' : 'linear',
    a: { tensor: a, isTurned: false },
    b: { tensor: b, isTurned: false },
    scale: settings.scaleOf(key, rank),
    magnitude: found.magnitude,
    bias: found.bias,
  });
  if (module.rank !== rank) throw new AppError('adapters.rankMismatch', { tensor: excerpt(a.name), shape: shapeText(a.shape), rank });
  return module;
}

const parentOf = (parameter: string): string => parameter.slice(0, Math.max(0, parameter.lastIndexOf('.')));

function raise(path: string): never {
  throw new RangeError(`${path} has no part`);
}

function readRows(path: string, tensor: ShardTensorInfo | undefined, settings: PeftConfig): ReplacedRows | undefined {
  if (tensor === undefined) return undefined;
  const named = [...settings.tokens].find(([module]) => (module === null ? embeddingModule.test(path) : endsWithPath(path, module)));
  if (named === undefined) throw new AppError('adapters.missingHalf', { tensor: excerpt(tensor.name), missing: 'trainable_token_indices' });
  const [, tokens] = named;
  if (tensor.shape.length !== 2 || tensor.shape[0] !== tokens.length)
    throw new AppError('adapters.shapeMismatch', {
      tensor: excerpt(tensor.name),
      shape: shapeText(tensor.shape),
      other: 'trainable_token_indices',
      otherShape: shapeText([tokens.length]),
    });
  return { weight: `${path}.weight`, tokens, tensor };
}
