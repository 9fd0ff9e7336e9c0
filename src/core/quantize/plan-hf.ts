import { elementCount } from '../element-count.ts';
import { AppError, type AppErrorData } from '../errors/index.ts';
import { GiB } from '../bytes.ts';
import { planShards, type NewTensor } from '../safetensors/write.ts';
import { SAFETENSORS_INDEX } from '../safetensors/shards.ts';
import { fourBitConfig, fourBitTensors, int8Config, int8Tensors, type FourBitSettings } from './bitsandbytes.ts';
import { layerOf } from './categories.ts';
import { zeroPointConfig, zeroPointTensors } from './compressed-tensors.ts';
import { encodedAs, type Encoder, type FloatType } from './encoder.ts';
import { gptqConfig, gptqPacks, gptqTensors, GPTQ_PACK, type GptqSettings } from './gptq.ts';
import { configText, plannedText, quantizedConfig, type PlannedText } from './hf-config.ts';
import type { PackedTensors, QuantizationConfig } from './hf-tensor.ts';
import { keptFiles } from './kept-files.ts';
import { peakBytes } from './memory.ts';
import { isFloatDtype, storedAs, type HfCandidate, type HfLinear, type HfSide } from './model.ts';
import { gptqSettings, parseOverrides, type QuantizationOptions } from './options.ts';
import type { SourceTensor } from './packed.ts';
import type { Place, QuantizationPlan, QuantizedTensor, Reason } from './plan.ts';
import { gptqBits, isPackedTarget, type QuantizeTarget } from './targets.ts';

/** transformers' own limit for a file. */
const MAX_SHARD_BYTES = 5 * GiB;

/** How a target packs linear layers, and what the folder says of it. */
interface Packing {
  readonly encoder: (linear: HfLinear) => Encoder;
  readonly tensors: (linear: HfLinear) => PackedTensors;
  readonly packs: (linear: HfLinear) => boolean;
  /** What the floats beside the packed layers are stored in; undefined: as they are. */
  readonly floats: FloatType | undefined;
  /** `kept`: linear layers that are not packed, in the blocks and in all. */
  readonly config: (kept: { readonly inBlocks: readonly string[]; readonly all: readonly string[] }) => QuantizationConfig;
}

/** What becomes of one stored tensor. */
interface Choice {
  readonly candidate: HfCandidate;
  readonly encoder: Encoder;
  readonly parts: PackedTensors;
  readonly why: Reason;
}

/**
 * @param target undefined: every tensor in the type that it has
 * @param version Lathe's, for the record in the output
 */
export function planHfOutput(
  folder: HfSide,
  target: QuantizeTarget | undefined,
  options: QuantizationOptions,
  version: string,
): QuantizationPlan {
  const warnings: AppErrorData[] = [];
  if (target !== undefined && isPackedTarget(target) && folder.quantized?.startsWith(`GPTQ ${gptqBits(target)}-bit`) === true)
    throw new AppError('quantize.alreadyQuantized', { method: folder.quantized });
  const packing = target === undefined ? undefined : packingOf(folder, target, options, version, warnings);
  const overrides = parseOverrides(options.overrides);
  for (const { type } of overrides)
    if (!isFloatDtype(type)) throw new AppError('quantize.overrideType', { type, target: target ?? folder.dtype });
  const isOverridden = ({ fullName, ggufName }: HfLinear): boolean =>
    overrides.some(({ pattern }) => pattern.test(fullName) || pattern.test(ggufName));

  const unpackable: string[] = [];
  const inBlocks: string[] = [];
  const choices = folder.tensors.map((candidate): Choice => {
    const { linear } = candidate;
    if (linear === undefined || packing === undefined)
      return floatChoice(
        folder,
        candidate,
        packing === undefined ? floatOf(target) : packing.floats,
        packing === undefined ? 'mix' : 'kept',
      );
    const overridden = isOverridden(linear);
    const packs = packing.packs(linear);
    if (!packs && !overridden) unpackable.push(linear.fullName);
    if (packs && !overridden) return { candidate, encoder: packing.encoder(linear), parts: packing.tensors(linear), why: 'mix' };
    inBlocks.push(linear.fullName);
    return floatChoice(folder, candidate, packing.floats, overridden ? 'override' : 'kept');
  });
  if (packing !== undefined && !choices.some(({ why, candidate }) => why === 'mix' && candidate.linear !== undefined))
    throw new AppError('quantize.noLinearLayers', { target: target ?? folder.dtype });
  if (unpackable[0] !== undefined)
    warnings.push({ code: 'quantize.keptUnpackable', params: { count: unpackable.length, tensor: unpackable[0], multiple: GPTQ_PACK } });
  warnRequantized(choices, warnings);

  const others = folder.tensors.flatMap(({ otherModule }) => otherModule ?? []);
  const all = [...new Set([folder.outputModule, ...others, ...inBlocks])];
  return layOut(
    folder,
    target ?? folder.dtype,
    choices,
    packing?.config({ inBlocks, all }),
    packing?.floats ?? floatOf(target) ?? folder.dtype,
    warnings,
  );
}

const floatOf = (target: QuantizeTarget | undefined): FloatType | undefined =>
  target !== undefined && isFloatDtype(target) ? target : undefined;

function packingOf(
  folder: HfSide,
  target: QuantizeTarget,
  options: QuantizationOptions,
  version: string,
  warnings: AppErrorData[],
): Packing | undefined {
  if (!isPackedTarget(target)) return undefined;
  const always = (): boolean => true;
  switch (target) {
    case 'int8':
      return {
        encoder: () => ({ kind: 'int8' }),
        tensors: int8Tensors,
        packs: always,
        floats: undefined,
        config: ({ all }) => int8Config(all),
      };
    case 'int8-zp': {
      if (folder.tensors.some(({ linear }) => linear?.isConv1d === true))
        throw new AppError('quantize.turnedLayers', { target, architecture: folder.family });
      return {
        encoder: () => ({ kind: 'int8ZeroPoint' }),
        tensors: zeroPointTensors,
        packs: always,
        floats: undefined,
        config: ({ all }) => zeroPointConfig(all),
      };
    }
    case 'nf4':
    case 'nf4-dq':
    case 'fp4': {
      const settings: FourBitSettings = {
        type: target === 'fp4' ? 'fp4' : 'nf4',
        blockSize: options.blockSize,
        isNested: target === 'nf4-dq',
        dtype: folder.dtype,
      };
      return {
        encoder: () => ({ kind: 'fourBit', settings }),
        tensors: (linear) => fourBitTensors(linear, settings),
        packs: always,
        floats: undefined,
        config: ({ all }) => fourBitConfig(settings, all),
      };
    }
    default: {
      const settings = hfGptqSettings(gptqBits(target) ?? 4, options, warnings);
      return {
        encoder: ({ ggufName, heads }) => ({ kind: 'gptq', settings, hessian: ggufName, exact: null, heads }),
        tensors: (linear) => gptqTensors(linear, settings),
        packs: gptqPacks,
        // The kernels of GPTQ's loaders compute in half precision.
        floats: 'F16',
        config: ({ inBlocks }) => gptqConfig(settings, version, inBlocks),
      };
    }
  }
}

function hfGptqSettings(bits: GptqSettings['bits'], options: QuantizationOptions, warnings: AppErrorData[]): GptqSettings {
  const settings = gptqSettings(bits, options);
  if (settings.isSymmetric || settings.checkpointFormat === 'gptq_v2') return settings;
  warnings.push({ code: 'quantize.asymmetricNeedsV2', params: {} });
  return { ...settings, checkpointFormat: 'gptq_v2' };
}

/** A tensor that stays a float; undefined `type`: the type that it has, for a packed one that of the model. */
function floatChoice(folder: HfSide, candidate: HfCandidate, type: FloatType | undefined, why: Reason): Choice {
  const { tensor, linear, name } = candidate;
  const { dtype, packed } = tensor;
  const to = type ?? (packed === undefined ? undefined : folder.dtype);
  const isKept = packed === undefined && (to === undefined || to === dtype || !isFloatDtype(dtype));
  const encoder: Encoder = isKept ? { kind: 'copy' } : { kind: 'cast', type: to ?? folder.dtype };
  const shape = isTurned(linear, tensor, false) ? tensor.shape.toReversed() : tensor.shape;
  const part: NewTensor = { name, dtype: encoder.kind === 'cast' ? encoder.type : dtype, shape };
  return { candidate, encoder, parts: { codes: part }, why };
}

/** A Conv1D keeps its floats as `[in, out]` and its codes as `[out, in]`: whether the way from one to the other is gone. */
const isTurned = (linear: HfLinear | undefined, tensor: SourceTensor, becomesPacked: boolean): boolean =>
  linear?.isConv1d === true && becomesPacked !== (tensor.packed !== undefined);

function warnRequantized(choices: readonly Choice[], warnings: AppErrorData[]): void {
  const again = choices.filter(({ candidate, encoder }) => candidate.tensor.packed !== undefined && encoder.kind !== 'cast');
  if (again[0] === undefined) return;
  const from = [...new Set(again.map(({ candidate }) => storedAs(candidate.tensor)))].join(', ');
  warnings.push({ code: 'quantize.requantized', params: { count: again.length, from } });
}

/** Put everything in its place: sizes to the byte. */
function layOut(
  folder: HfSide,
  target: QuantizeTarget,
  choices: readonly Choice[],
  quantization: QuantizationConfig | undefined,
  dtype: FloatType,
  warnings: AppErrorData[],
): QuantizationPlan {
  const { shards, index } = planShards(
    choices.flatMap(({ parts }) => Object.values(parts)),
    MAX_SHARD_BYTES,
  );
  const places = new Map<string, Place>();
  for (const [file, shard] of shards.entries())
    for (const { name, offset, sizeBytes } of shard.tensors) places.set(name, { file, offset, sizeBytes });
  const placeOf = (name: string): Place => {
    const place = places.get(name);
    if (place === undefined) throw new RangeError(`${name} has no place`);
    return place;
  };
  const tensors = choices.map(({ candidate, encoder, parts, why }): QuantizedTensor => {
    const { tensor, linear, name } = candidate;
    const own = Object.entries(parts).map(([part, stored]) => [part, placeOf(stored.name)] as const);
    const becomesPacked = encoder.kind !== 'copy' && encoder.kind !== 'cast';
    const turns = isTurned(linear, tensor, becomesPacked);
    return {
      name,
      layer: linear === undefined ? null : (layerOf(linear.ggufName) ?? null),
      shape: turns ? tensor.shape.toReversed() : tensor.shape,
      from: storedAs(tensor),
      to: encodedAs(encoder, tensor.dtype),
      sizeBytes: own.reduce((sum, [, { sizeBytes }]) => sum + sizeBytes, 0),
      why,
      needsImatrix: false,
      source: {
        kind: 'stored',
        tensor,
        elements: elementCount(tensor.shape),
        shape: tensor.shape,
        transform: { kind: turns ? 'transpose' : 'none' },
      },
      encoder,
      places: Object.fromEntries(own),
    };
  });
  const files = keptFiles(folder.files);
  if (files.programs[0] !== undefined) warnings.push({ code: 'quantize.codeLeftOut', params: { file: files.programs[0].name } });
  const texts: PlannedText[] = [plannedText('config.json', configText(quantizedConfig(folder.config, dtype, quantization)))];
  if (quantization?.['quant_method'] === 'gptq') texts.push(plannedText('quantize_config.json', configText(quantization)));
  if (index !== null) texts.push(plannedText(SAFETENSORS_INDEX, index));
  const sum = (sizes: readonly { readonly sizeBytes: number }[]): number => sizes.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
  const elements = tensors.reduce((total, { shape }) => total + elementCount(shape), 0);
  const needsCalibration = tensors.some(({ encoder }) => encoder.kind === 'gptq');
  return {
    target,
    output: { format: 'hf', weights: shards, texts, copied: files.kept },
    tensors,
    sizeBytes: shards.reduce((total, { totalBytes }) => total + totalBytes, 0) + sum(texts) + sum(files.kept),
    bitsPerWeight: elements === 0 ? 0 : (8 * sum(tensors)) / elements,
    memoryBytes: peakBytes(tensors),
    needsCalibration,
    warnings,
  };
}
