import type { ValueSource } from '../convert/plan.ts';
import { floatDtypes } from '../convert/sources.ts';
import { elementCount } from '../element-count.ts';
import { AppError, type AppErrorData } from '../errors/index.ts';
import { metadataAlignment } from '../gguf/read.ts';
import { alignUp, dimensionsToShape, isQuantized, tensorBytes, type GgmlTypeName } from '../gguf/types.ts';
import { str, u32, type GgufMetadata, type GgufValue } from '../gguf/values.ts';
import { headerBytes, tensorEntryBytes } from '../gguf/write.ts';
import { layerOf, mayQuantize } from './categories.ts';
import { chooseTypes, type ChosenType } from './choose.ts';
import { encodedAs, type Encoder, type FloatType } from './encoder.ts';
import { gptqPacks } from './gptq.ts';
import { peakBytes } from './memory.ts';
import { mixes, type MixName } from './mixes.ts';
import type { GgufCandidate, GgufSide, QuantizableModel } from './model.ts';
import { gptqSettings, parseOverrides, type QuantizationOptions } from './options.ts';
import type { QuantizationPlan, QuantizedTensor, Reason } from './plan.ts';
import { exactType, factsOfSettings, holdsExactly, type ExactType, type InexactReason } from './repack.ts';
import { gptqBits, isPackedTarget, type QuantizeTarget } from './targets.ts';

/** What a plan has to know of an importance matrix. */
export interface ImatrixFacts {
  readonly file: string;
  readonly datasets: readonly string[];
  readonly chunkCount: number;
  readonly tensors: ReadonlySet<string>;
}

/** What becomes of one tensor. */
interface Choice {
  readonly type: GgmlTypeName;
  readonly encoder: Encoder;
  readonly why: Reason;
  readonly needsImatrix: boolean;
}

/** @param target undefined: every tensor of a GGUF file in the type that it has */
export function planGgufOutput(
  model: QuantizableModel,
  target: QuantizeTarget | undefined,
  options: QuantizationOptions,
  imatrix: ImatrixFacts | undefined,
): QuantizationPlan {
  if ('code' in model.gguf) throw AppError.from(model.gguf);
  const side = model.gguf;
  const warnings: AppErrorData[] = [...side.warnings];
  const { choices, mix } =
    target === undefined
      ? { choices: side.tensors.map(keptAs), mix: mixOf(side) }
      : isPackedTarget(target)
        ? chooseGptq(side, gptqBits(target) ?? 4, options, warnings)
        : { choices: chooseMix(side, target, options, imatrix, warnings), mix: target };
  const fileType = target === undefined ? (side.fileType ?? mixes[mix].fileType) : mixes[mix].fileType;
  const metadata = new Map([...side.metadata(fileType), ...imatrixMetadata(imatrix)]);
  const unit = metadataAlignment(metadata, 'GGUF');
  const bytes = headerBytes(imatrixMetadata(imatrix)) - headerBytes(new Map()) + side.headerBytes;
  const dataOffset = alignUp(
    side.tensors.reduce((sum, tensor) => sum + tensorEntryBytes(tensor), bytes),
    unit,
  );
  let end = dataOffset;
  let dataBytes = 0;
  let elements = 0;
  const tensors = side.tensors.map((candidate, i): QuantizedTensor => {
    const { type, encoder, why, needsImatrix } = choices[i] ?? keptAs(candidate);
    const { name, dimensions, source, from } = candidate;
    const sizeBytes = tensorBytes(type, dimensions, { file: 'GGUF', tensor: name });
    const places = { codes: { file: 0, offset: end, sizeBytes } };
    end = alignUp(end + sizeBytes, unit);
    dataBytes += sizeBytes;
    elements += elementCount(dimensions);
    const shape = dimensionsToShape(dimensions);
    return {
      name,
      layer: layerOf(name) ?? null,
      shape,
      from,
      to: encodedAs(encoder, type),
      sizeBytes,
      why,
      needsImatrix,
      source,
      encoder,
      places,
    };
  });
  const needsCalibration = tensors.some(({ encoder }) => encoder.kind === 'gptq');
  return {
    target: target ?? mix,
    output: {
      format: 'gguf',
      metadata,
      tensors: tensors.map(({ name }, i) => ({ name, type: choices[i]?.type ?? 'F32', dimensions: side.tensors[i]?.dimensions ?? [] })),
    },
    tensors,
    sizeBytes: end,
    bitsPerWeight: elements === 0 ? 0 : (8 * dataBytes) / elements,
    memoryBytes: peakBytes(tensors),
    needsCalibration,
    warnings,
  };
}

/** The mix that a file says it is, or what most of its tensors are. */
function mixOf({ fileType, tensors }: GgufSide): MixName {
  const named = Object.keys(mixes).find((name) => mixes[name as MixName].fileType === fileType);
  const largest = tensors.toSorted((left, right) => elementCount(right.dimensions) - elementCount(left.dimensions))[0]?.type ?? 'F16';
  const found = named ?? (Object.hasOwn(mixes, largest) ? largest : 'F16');
  return found as MixName;
}

/** Where an importance matrix came from, under llama-quantize's keys. */
function imatrixMetadata(imatrix: ImatrixFacts | undefined): GgufMetadata {
  if (imatrix === undefined) return new Map();
  const { file, datasets, tensors, chunkCount } = imatrix;
  return new Map<string, GgufValue>([
    ['quantize.imatrix.file', str(file)],
    ...(datasets[0] === undefined ? [] : ([['quantize.imatrix.dataset', str(datasets[0])]] as const)),
    ['quantize.imatrix.entries_count', u32(tensors.size)],
    ['quantize.imatrix.chunks_count', u32(chunkCount)],
  ]);
}

const isFloat = (type: GgmlTypeName): type is FloatType => floatDtypes.has(type);

/** A tensor that no recipe touches: its own bytes where they fit, else its values in its type. */
function keptAs(candidate: GgufCandidate): Choice {
  return { type: candidate.type, encoder: encoderFor(candidate, candidate.type, undefined), why: 'kept', needsImatrix: false };
}

/** The way from a tensor's source to a type. */
function encoderFor({ name, source, from, gptq }: GgufCandidate, type: GgmlTypeName, imatrix: ImatrixFacts | undefined): Encoder {
  if (isAsStored(source) && from === type) return { kind: 'copy' };
  if (isFloat(type)) return { kind: 'cast', type };
  if (gptq !== undefined && holdsExactly(type, gptq)) return { kind: 'repack', type };
  return { kind: 'ggml', type, imatrix: imatrix?.tensors.has(name) === true ? name : undefined };
}

const isAsStored = (source: ValueSource): boolean =>
  source.kind === 'stored' &&
  source.transform.kind === 'none' &&
  (source.tensor.packed === undefined || source.tensor.packed.kind === 'ggml');

/** Numbers that are no weights (indices, for example) are kept whatever their name. */
const isWeight = ({ source, from }: GgufCandidate): boolean =>
  source.kind === 'stored' && (source.tensor.packed !== undefined || floatDtypes.has(from));

function chooseMix(
  side: GgufSide,
  mix: MixName,
  options: QuantizationOptions,
  imatrix: ImatrixFacts | undefined,
  warnings: AppErrorData[],
): readonly Choice[] {
  const overrides = parseOverrides(options.overrides);
  const chosen = chooseTypes(side.facts, side.tensors, mix, { overrides, hasImatrix: imatrix !== undefined, pure: options.pure });
  const choices = side.tensors.map((candidate, i): Choice => {
    const { type, insteadOf, needsImatrix } = chosen[i] ?? keptChoice(candidate);
    const { name, dimensions } = candidate;
    const isKept = !isWeight(candidate) || !mayQuantize(name, dimensions) || (options.keepOutput && name === 'output.weight');
    if (isKept) return keptAs(candidate);
    const encoder = encoderFor(candidate, type, imatrix);
    const isOverridden = overrides.some(({ pattern }) => pattern.test(name));
    const why = isOverridden ? 'override' : encoder.kind === 'repack' ? 'exact' : insteadOf !== undefined ? 'fallback' : 'mix';
    return { type, encoder, why, needsImatrix: needsImatrix && imatrix?.tensors.has(name) !== true };
  });
  warnFallbacks(side, choices, warnings);
  warnRequantized(side, choices, warnings);
  if (imatrix !== undefined) warnIncomplete(side, choices, warnings);
  return choices;
}

const keptChoice = ({ type }: GgufCandidate): ChosenType => ({ type, needsImatrix: false });

function warnFallbacks(side: GgufSide, choices: readonly Choice[], warnings: AppErrorData[]): void {
  const fallbacks = side.tensors.filter((_, i) => choices[i]?.why === 'fallback');
  if (fallbacks[0] !== undefined)
    warnings.push({ code: 'quantize.fallbackTypes', params: { count: fallbacks.length, tensor: fallbacks[0].name } });
}

/** Tensors whose codes are decoded and coded again. */
function warnRequantized(side: GgufSide, choices: readonly Choice[], warnings: AppErrorData[]): void {
  const again = side.tensors.filter(({ source }, i) => {
    const kind = choices[i]?.encoder.kind;
    return source.kind === 'stored' && source.tensor.packed !== undefined && (kind === 'ggml' || kind === 'gptq');
  });
  if (again[0] === undefined) return;
  const from = [...new Set(again.map((tensor) => tensor.from))].join(', ');
  warnings.push({ code: 'quantize.requantized', params: { count: again.length, from } });
}

/** Only where a matrix was to be had: the embedding is looked up, not multiplied, so no matrix has it. */
function warnIncomplete(side: GgufSide, choices: readonly Choice[], warnings: AppErrorData[]): void {
  const missing = side.tensors.filter(({ name }, i) => {
    const encoder = choices[i]?.encoder;
    return encoder?.kind === 'ggml' && isQuantized(encoder.type) && encoder.imatrix === undefined && name.startsWith('blk.');
  });
  if (missing[0] !== undefined)
    warnings.push({ code: 'quantize.imatrixIncomplete', params: { count: missing.length, tensor: missing[0].name } });
}

/** Where weights cannot be stored exactly: the type that loses next to nothing more. */
const NEAREST = 'Q8_0';

/**
 * GPTQ in GGUF's blocks. A folder that is GPTQ of these bits already is repacked as it is, and nothing else of it is
 * touched; other weights are calibrated, and the matrices outside the blocks follow the mix of the same type.
 */
function chooseGptq(
  side: GgufSide,
  bits: 2 | 3 | 4 | 8,
  options: QuantizationOptions,
  warnings: AppErrorData[],
): { choices: readonly Choice[]; mix: MixName } {
  const repacked = side.tensors.some(({ gptq }) => gptq?.bits === bits);
  return repacked ? repackGptq(side, warnings) : calibrateGptq(side, bits, options, warnings);
}

function repackGptq(side: GgufSide, warnings: AppErrorData[]): { choices: readonly Choice[]; mix: MixName } {
  const inexact = new Map<InexactReason, number>();
  const counts = new Map<ExactType, number>();
  const choices = side.tensors.map((candidate): Choice => {
    if (candidate.gptq === undefined) return keptAs(candidate);
    const exact = exactType(candidate.gptq);
    if (typeof exact === 'string') {
      counts.set(exact, (counts.get(exact) ?? 0) + 1);
      return { type: exact, encoder: { kind: 'repack', type: exact }, why: 'exact', needsImatrix: false };
    }
    inexact.set(exact.reason, (inexact.get(exact.reason) ?? 0) + 1);
    return { type: NEAREST, encoder: { kind: 'ggml', type: NEAREST, imatrix: undefined }, why: 'fallback', needsImatrix: false };
  });
  for (const [reason, count] of inexact) warnings.push({ code: 'quantize.inexact', params: { count, reason, type: NEAREST } });
  const [most = [NEAREST]] = [...counts].toSorted(([, left], [, right]) => right - left);
  return { choices, mix: most[0] };
}

function calibrateGptq(
  side: GgufSide,
  bits: 2 | 3 | 4 | 8,
  options: QuantizationOptions,
  warnings: AppErrorData[],
): { choices: readonly Choice[]; mix: MixName } {
  // GGUF has no asymmetric 8 bits, and its scales belong to runs of 32 neighbours.
  const isSymmetric = options.symmetric || bits === 8;
  if (isSymmetric && !options.symmetric) warnings.push({ code: 'quantize.symmetricForGguf', params: {} });
  const isScattered = options.actOrder && !options.staticGroups && options.groupSize !== -1;
  if (isScattered) warnings.push({ code: 'quantize.staticGroupsForGguf', params: {} });
  const settings = { ...gptqSettings(bits, options), isSymmetric, staticGroups: options.staticGroups || isScattered };
  const exact = exactType(factsOfSettings(settings));
  if (typeof exact !== 'string') throw new RangeError(`these settings give ${exact.reason}`);

  const overrides = parseOverrides(options.overrides);
  const others = chooseMix(side, exact, options, undefined, []);
  const choices = side.tensors.map((candidate, i): Choice => {
    const { name, dimensions } = candidate;
    const other = others[i] ?? keptAs(candidate);
    const isLinear = isWeight(candidate) && mayQuantize(name, dimensions) && dimensions.length === 2 && layerOf(name) !== undefined;
    if (
      !isLinear ||
      !gptqPacks({ inputs: dimensions[0] ?? 0, outputs: dimensions[1] ?? 0 }) ||
      overrides.some(({ pattern }) => pattern.test(name))
    )
      return other;
    return { type: exact, encoder: { kind: 'gptq', settings, hessian: name, exact, heads: undefined }, why: 'mix', needsImatrix: false };
  });
  if (!choices.some(({ encoder }) => encoder.kind === 'gptq')) throw new AppError('quantize.noLinearLayers', { target: `gptq-${bits}` });
  warnFallbacks(side, choices, warnings);
  warnRequantized(side, choices, warnings);
  return { choices, mix: exact };
}
