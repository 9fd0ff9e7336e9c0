import { architectureOf } from '../architectures/index.ts';
import { describeModel, QUANTIZATION_VERSION, type ModelRequest, type UntypedOutput } from '../convert/plan.ts';
import { floatDtypes, matchSources } from '../convert/sources.ts';
import { staysF32 } from '../convert/types.ts';
import { elementCount } from '../element-count.ts';
import { AppError, toErrorData, type AppErrorData } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import { ggufNumber, ggufNumberArray, ggufString, type GgufHeader } from '../gguf/header.ts';
import { withoutSplitKeys } from '../gguf/split.ts';
import { isQuantized, dimensionsToShape, type GgmlTypeName } from '../gguf/types.ts';
import { u32, type GgufMetadata } from '../gguf/values.ts';
import { headerBytes } from '../gguf/write.ts';
import { textConfig, type Config } from '../model/config.ts';
import { quantizationOf } from '../model/quantization.ts';
import { isSafetensorsDtype } from '../safetensors/dtypes.ts';
import type { QuantizedModel } from './choose.ts';
import type { FloatType } from './encoder.ts';
import type { LinearWeight } from './hf-tensor.ts';
import type { FolderFile } from './kept-files.ts';
import type { SourceTensor } from './packed.ts';
import type { GptqFacts } from './repack.ts';

/** A model as the planner sees it: made once, then planned for any number of targets. */
export interface QuantizableModel {
  /** As a GGUF file would show it; else why there can be none. */
  readonly gguf: GgufSide | AppErrorData;
  /** As a Hugging Face folder; undefined for a GGUF file. */
  readonly folder: HfSide | undefined;
}

export interface GgufSide {
  readonly facts: QuantizedModel;
  readonly tensors: readonly GgufCandidate[];
  readonly metadata: (fileType: number) => GgufMetadata;
  /** What a GGUF file says of itself; a folder has none. */
  readonly fileType: number | undefined;
  /** Of the metadata alone; it does not depend on the file type. */
  readonly headerBytes: number;
  readonly warnings: readonly AppErrorData[];
}

/** A tensor of the GGUF file to be. */
export interface GgufCandidate extends UntypedOutput {
  /** What it has where no recipe touches it. */
  readonly type: GgmlTypeName;
  /** In the source, for people. */
  readonly from: string;
  readonly gptq: GptqFacts | undefined;
}

export interface HfSide {
  readonly config: Config;
  readonly family: string;
  readonly tensors: readonly HfCandidate[];
  readonly files: readonly FolderFile[];
  /** The type that most of the values are stored in, or decoded to. */
  readonly dtype: FloatType;
  /** Module of the output matrix, which is never quantized, stored or tied. */
  readonly outputModule: string;
  /** `GPTQ 4-bit g128 sym`, where the folder is quantized. */
  readonly quantized: string | undefined;
}

/** A stored tensor of the folder. */
export interface HfCandidate {
  readonly tensor: SourceTensor;
  /** Under what name it is written: a tied matrix that is stored as the output goes by the embedding's, which loaders look for. */
  readonly name: string;
  /** A linear layer within the blocks. */
  readonly linear: HfLinear | undefined;
  /** A matrix of a linear layer outside the blocks, or of another part of the model: loaders must be told to leave it. */
  readonly otherModule: string | undefined;
}

export interface HfLinear extends LinearWeight {
  /** GPT-2's kind of layer, which keeps floats as `[in, out]`. */
  readonly isConv1d: boolean;
  /** As transformers names the module, whatever prefix the file leaves out. */
  readonly fullName: string;
  /** The name of the weight in GGUF: calibrations and importance matrices go by it. */
  readonly ggufName: string;
  /** The rows of each of so many heads change places on their way to GGUF. */
  readonly heads: number | undefined;
}

export interface FolderRequest extends Omit<ModelRequest, 'vocabulary' | 'tensors'> {
  /** Of all weight files, packed weights as such (`readPackedWeights`). */
  readonly tensors: readonly SourceTensor[];
  /** What was read of the tokenizer, or why it cannot be used: then there is no GGUF. */
  readonly vocabulary: ModelRequest['vocabulary'] | AppErrorData;
  /** Parsed quantize_config.json of AutoGPTQ. */
  readonly quantizeConfig?: unknown;
  /** All files of the folder, and the templates of `additional_chat_templates`. */
  readonly files: readonly FolderFile[];
  /** Of each GPTQ weight, by name. */
  readonly gptq: ReadonlyMap<string, GptqFacts>;
}

/**
 * A Hugging Face folder, floats or packed. Takes as long as encoding its vocabulary.
 * @throws model.unknownArchitecture, model.badConfig, model.unsupportedConfig and the errors of `matchSources`
 */
export function folderModel(request: FolderRequest): QuantizableModel {
  return { gguf: ggufSideOfFolder(request), folder: hfSide(request) };
}

function ggufSideOfFolder(request: FolderRequest): GgufSide | AppErrorData {
  const { vocabulary, gptq } = request;
  if ('code' in vocabulary) return vocabulary;
  try {
    const model = describeModel({ ...request, vocabulary });
    const tensors = model.tensors.map((tensor): GgufCandidate => {
      const { source } = tensor;
      const stored = source.kind === 'stored' ? source.tensor : undefined;
      return {
        ...tensor,
        type: staysF32(tensor) ? 'F32' : stored?.packed === undefined && stored?.dtype === 'BF16' ? 'BF16' : 'F16',
        from: stored === undefined ? 'F32' : storedAs(stored),
        gptq: stored === undefined ? undefined : gptq.get(stored.name),
      };
    });
    const { layerCount, headCount, headCountKv } = model.hyperparameters;
    const facts = { architecture: model.architecture.ggufName, layerCount, headCount, headCountKv, expertCount: 0 };
    return {
      facts,
      tensors,
      metadata: model.metadata,
      fileType: undefined,
      headerBytes: headerBytes(model.metadata(0)),
      warnings: model.warnings,
    };
  } catch (error) {
    if (error instanceof AppError) return toErrorData(error);
    throw error;
  }
}

/** A tensor's type for people. */
export function storedAs({ dtype, packed }: SourceTensor): string {
  switch (packed?.kind) {
    case undefined:
      return dtype;
    case 'gptq':
      return `GPTQ-${packed.bits}`;
    case 'fourBit':
      return packed.type.toUpperCase();
    case 'int8':
    case 'int8ZeroPoint':
      return 'INT8';
    case 'ggml':
      return packed.type;
  }
}

function hfSide(request: FolderRequest): HfSide {
  const { tensors, config, files, quantizeConfig } = request;
  const architecture = architectureOf(config);
  const h = architecture.hyperparameters(textConfig(config));
  const { byRule } = matchSources(architecture, h, tensors, request.headDiffers ?? false);
  const rules = new Map([...byRule].map(([rule, tensor]) => [tensor.name, rule]));
  // In the order of the model, and then what has no part in it.
  const ordered = [...byRule.values(), ...tensors.filter(({ name }) => !rules.has(name))];
  const candidates = ordered.map((tensor): HfCandidate => {
    const rule = rules.get(tensor.name);
    const isMatrix = tensor.shape.length === 2 && tensor.name.endsWith('.weight');
    if (!isMatrix || rule?.hf === architecture.embedding.input || rule?.gguf === 'position_embd.weight') {
      const isRenamed = rule !== undefined && architecture.canonicalName(tensor.name) === architecture.embedding.output;
      return { tensor, name: isRenamed ? rule.hf : tensor.name, linear: undefined, otherModule: undefined };
    }
    const { name } = tensor;
    const module = moduleOf(name);
    if (rule === undefined || !rule.gguf.startsWith('blk.')) {
      const otherModule = rule === undefined ? partOf(module) : moduleOf(rule.hf);
      return { tensor, name, linear: undefined, otherModule };
    }
    const { transform } = rule;
    const isConv1d = transform.kind === 'transpose';
    const heads = transform.kind === 'permuteRows' ? transform.heads : undefined;
    const [outputs = 0, inputs = 0] = isConv1d && tensor.packed === undefined ? tensor.shape.toReversed() : tensor.shape;
    const linear = { module, outputs, inputs, isConv1d, fullName: moduleOf(rule.hf), ggufName: rule.gguf, heads };
    return { tensor, name, linear, otherModule: undefined };
  });
  return {
    config,
    family: architecture.family,
    tensors: candidates,
    files,
    dtype: mainDtype(tensors, config),
    outputModule: moduleOf(architecture.embedding.output),
    quantized: quantizationOf(config, quantizeConfig)?.label,
  };
}

const moduleOf = (weight: string): string => weight.replace(/\.weight$/, '');

/** `vision_tower` of `model.vision_tower.encoder…`: loaders take a name for the part and all below it. */
const partOf = (module: string): string => module.replace(/^model\./, '').split('.')[0] ?? module;

const torchDtypes: Readonly<Record<string, FloatType>> = { float32: 'F32', float16: 'F16', bfloat16: 'BF16' };

/** By what most values are stored as; a quantized folder holds few floats, so there the configuration goes before. */
function mainDtype(tensors: readonly SourceTensor[], config: Config): FloatType {
  const stated = torchDtypes[String(textConfig(config)['torch_dtype'] ?? textConfig(config)['dtype'])];
  const isPacked = tensors.some(({ packed }) => packed !== undefined);
  if (isPacked && stated !== undefined) return stated;
  const counts: Record<FloatType, number> = { F32: 0, F16: 0, BF16: 0 };
  for (const { dtype, shape, packed } of tensors) if (packed === undefined && isFloatDtype(dtype)) counts[dtype] += elementCount(shape);
  return (Object.keys(counts) as FloatType[]).reduce((best, each) => (counts[each] > counts[best] ? each : best));
}

export const isFloatDtype = (dtype: string): dtype is FloatType => floatDtypes.has(dtype);

/**
 * A GGUF file, or all parts of a split one, by file name.
 * @throws quantize.notAModel, gguf.*
 */
export function ggufModel(parts: readonly (readonly [file: string, header: GgufHeader])[]): QuantizableModel {
  const [, first] = parts[0] ?? [];
  if (first === undefined) throw new RangeError('a model of no files');
  const type = ggufString(first, 'general.type') ?? 'model';
  const architecture = ggufString(first, 'general.architecture') ?? '';
  if (type !== 'model' || architecture === '') throw new AppError('quantize.notAModel', { file: first.file, type: excerpt(type) });
  const own = (key: string): number => firstNumber(first, `${architecture}.${key}`);
  const headCount = own('attention.head_count');
  const facts = {
    architecture,
    layerCount: own('block_count'),
    headCount,
    headCountKv: first.metadata.has(`${architecture}.attention.head_count_kv`) ? own('attention.head_count_kv') : headCount,
    expertCount: own('expert_count'),
  };
  const tensors = parts.flatMap(([shard, header]) =>
    header.tensors.map(({ name, type: stored, dimensions, offset, sizeBytes }): GgufCandidate => {
      const shape = dimensionsToShape(dimensions);
      const isCoded = isQuantized(stored);
      const tensor: SourceTensor = {
        name,
        dtype: isSafetensorsDtype(stored) ? stored : 'F32',
        shape,
        offset,
        sizeBytes,
        shard,
        ...(isCoded ? { packed: { kind: 'ggml', type: stored } } : {}),
      };
      const source = { kind: 'stored' as const, tensor, elements: elementCount(shape), shape, transform: { kind: 'none' as const } };
      return { name, dimensions, type: stored, from: stored, gptq: undefined, source };
    }),
  );
  const base = withoutSplitKeys(first.metadata);
  const metadata = (fileType: number): GgufMetadata =>
    new Map([...base, ['general.file_type', u32(fileType)], ['general.quantization_version', u32(QUANTIZATION_VERSION)]]);
  const fileType = ggufNumber(first, 'general.file_type');
  return { gguf: { facts, tensors, metadata, fileType, headerBytes: headerBytes(metadata(0)), warnings: [] }, folder: undefined };
}

/** A number, or the first of a list with one for each layer; 0 where there is none. */
function firstNumber(header: GgufHeader, key: string): number {
  const isList = header.metadata.get(key)?.type === 'arr';
  return (isList ? ggufNumberArray(header, key)?.find((value) => value > 0) : ggufNumber(header, key)) ?? 0;
}
