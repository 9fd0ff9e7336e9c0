import type { Transform } from '../architectures/index.ts';
import type { ValueSource } from '../convert/plan.ts';
import { elementCount } from '../element-count.ts';
import { AppError, type AppErrorData } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import { isQuantized } from '../gguf/types.ts';
import { workingType } from '../quantize/calibration-plan.ts';
import type { Encoder } from '../quantize/encoder.ts';
import { isFloatDtype, storedAs, type QuantizableModel } from '../quantize/model.ts';
import { defaultOptions } from '../quantize/options.ts';
import { planGgufOutput } from '../quantize/plan-gguf.ts';
import { planHfOutput } from '../quantize/plan-hf.ts';
import type { QuantizationPlan, QuantizedTensor } from '../quantize/plan.ts';
import { planQuantization, type QuantizationRequest } from '../quantize/planner.ts';
import type { QuantizeTarget } from '../quantize/targets.ts';
import type { ShardTensorInfo } from '../safetensors/shards.ts';
import type { Adapter, LoraModule } from './adapter.ts';
import { adapterBase, type AdapterBase, type BaseTensor } from './base.ts';
import type { EditFactor, RowOrder } from './factors.ts';
import { bindAdapter, type BoundAdapter } from './fit.ts';
import { untieOutput } from './untie.ts';

/** An adapter on its way into a model, and how much of it. */
export interface MergePart {
  readonly adapter: Adapter;
  /** 1 is what was trained; negative takes it off. What an adapter replaces, it replaces wholly, unless this is 0. */
  readonly weight: number;
  /** Modules whose change is zero: their weights stay as they are, to the bit. */
  readonly inert: ReadonlySet<LoraModule>;
}

export interface MergeRequest extends Omit<QuantizationRequest, 'target'> {
  readonly parts: readonly MergePart[];
  /** Undefined: every tensor in the type that it has. */
  readonly target?: QuantizeTarget | undefined;
}

/** One change of a tensor's values; a tensor's changes are made one after the other. */
export type EditStep =
  /** weight · scale · left · right is added; with a magnitude, DoRA's formula is followed to the share `weight`. */
  | {
      readonly kind: 'lowRank';
      /** `[rows, rank]` */
      readonly left: EditFactor;
      /** `[rank, columns]` */
      readonly right: EditFactor;
      readonly rank: number;
      readonly scale: number;
      readonly weight: number;
      readonly magnitude: (EditFactor & { readonly along: 'rows' | 'columns' }) | undefined;
    }
  /** `scale` times the vector is added. */
  | { readonly kind: 'vector'; readonly vector: EditFactor; readonly scale: number }
  /** Rows take other values. */
  | { readonly kind: 'rows'; readonly tokens: readonly number[]; readonly rows: ShardTensorInfo };

/** What is done to one tensor of the output, in float32 between decoding and encoding. */
export interface TensorEdit {
  readonly name: string;
  /** numpy order, as the output has it. */
  readonly shape: readonly number[];
  readonly steps: readonly EditStep[];
}

/** A quantization whose tensors are changed on their way. */
export interface MergePlan {
  readonly plan: QuantizationPlan;
  readonly edits: readonly TensorEdit[];
  readonly warnings: readonly AppErrorData[];
}

/**
 * How adapters are merged into a model, in one pass to any target. Adapters are merged in their order, which matters for DoRA
 * alone: as in PEFT, each scales what those before it made, by the length of the base's weights with its own change.
 * @throws adapters.* where an adapter does not fit, .packedFolder, .cannotUntie, .badOption; what `planQuantization` throws
 */
export function planMerge(request: MergeRequest): MergePlan {
  const { parts, target } = request;
  const active = parts.filter(({ weight }) => weight !== 0);
  for (const { weight } of parts)
    if (!Number.isFinite(weight))
      throw new AppError('adapters.badOption', { option: 'weight', value: String(weight), expected: 'a number' });
  for (const { weight, adapter } of active) {
    const [first] = wholesOf(adapter);
    if (weight < 0 && first !== undefined)
      throw new AppError('adapters.badOption', {
        option: 'weight',
        value: String(weight),
        expected: `above 0: ${excerpt(first)} is replaced`,
      });
  }
  const base = adapterBase(request.model);
  const bound = active.map((part) => ({ ...part, bound: bindAdapter(part.adapter, base) }));
  const format = request.format ?? (request.model.folder === undefined ? 'gguf' : 'hf');
  const method = request.model.folder?.quantized;
  if (target === undefined && format === 'hf' && method !== undefined) throw new AppError('adapters.packedFolder', { method });

  const planned = planOutput(isUntied(base, bound) ? untieOutput(request.model, base) : request.model, { ...request, format });
  const edits = planned.tensors.flatMap((tensor): TensorEdit[] => {
    const steps = bound.flatMap((part) => stepsFor(tensor, part, base, format));
    return steps.length === 0 ? [] : [{ name: tensor.name, shape: tensor.shape, steps }];
  });
  const edited = new Set(edits.map(({ name }) => name));
  const imatrix = request.imatrix?.tensors;
  const tensors = planned.tensors.map((tensor): QuantizedTensor => {
    const whole = bound.flatMap((part) => wholeFor(tensor, part, base, format)).at(-1);
    if (whole === undefined) return edited.has(tensor.name) ? encoded(tensor, format, imatrix) : tensor;
    return { ...encoded(tensor, format, imatrix), from: whole.tensor.dtype, source: replacedSource(tensor, whole, format) };
  });
  return { plan: { ...planned, tensors }, edits, warnings: warningsOf(bound, tensors, edited) };
}

/**
 * The merged model as a file of floats that llama.cpp runs: what GPTQ looks at is how the merged model computes, and not its base.
 * @throws what `planMerge` throws
 */
export function planMergedWorkingModel({ model, parts, version }: MergeRequest): MergePlan {
  return planMerge({ model, parts, version, target: workingType(model), format: 'gguf' });
}

/** Names of what an adapter replaces; nothing of it can be taken off again. */
const wholesOf = ({ replaced, rows }: Adapter): readonly string[] => [
  ...replaced.filter(({ isWrapped }) => !isWrapped).map(({ name }) => name),
  ...rows.map(({ weight }) => weight),
];

interface BoundPart extends MergePart {
  readonly bound: BoundAdapter;
}

function planOutput(model: QuantizableModel, request: MergeRequest & { readonly format: 'hf' | 'gguf' }): QuantizationPlan {
  const { target, format, version } = request;
  const options = { ...defaultOptions, ...request.options };
  if (target !== undefined) return planQuantization({ ...request, model, target });
  if (format === 'hf') {
    if (model.folder === undefined) throw new AppError('quantize.needsFolder', { target: 'a folder' });
    return planHfOutput(model.folder, undefined, options, version);
  }
  return planGgufOutput(model, model.folder?.dtype, options, request.imatrix);
}

/** A tied model of which one of the two matrices changes gets both. */
function isUntied(base: AdapterBase, parts: readonly BoundPart[]): boolean {
  const { input, output } = base.embedding;
  const changesOne = ({ bound, inert }: BoundPart): boolean =>
    bound.modules.some(({ base: { hf }, module }) => hf === input && !inert.has(module)) ||
    bound.replaced.some(({ base: { hf }, replaced: { isWrapped } }) => hf === output || (hf === input && !isWrapped));
  return base.tiedHead !== undefined && parts.some((part) => !part.bound.adapter.changesTiedPair && changesOne(part));
}

const planName = ({ name }: QuantizedTensor, base: AdapterBase, format: 'hf' | 'gguf'): string =>
  format === 'hf' ? (base.canonicalName(name) ?? name) : name;

/** Floats of a Conv1D stay `[inputs, outputs]` in a folder; all else is `[outputs, inputs]`. */
const staysConv1d = (base: BaseTensor, { encoder }: QuantizedTensor, format: 'hf' | 'gguf'): boolean =>
  base.isConv1d && format === 'hf' && (encoder.kind === 'copy' || encoder.kind === 'cast');

/** What an adapter puts in the place of a tensor. */
interface Whole {
  readonly tensor: ShardTensorInfo;
  readonly base: BaseTensor;
}

function wholeFor(tensor: QuantizedTensor, { bound }: BoundPart, base: AdapterBase, format: 'hf' | 'gguf'): readonly Whole[] {
  const name = planName(tensor, base, format);
  const isTiedHead = base.tiedHead?.[format] === name;
  return bound.replaced
    .filter(({ base: own, replaced }) => own[format] === name || (isTiedHead && replaced.isWrapped && own.hf === base.embedding.input))
    .map(({ replaced, base: own }) => ({ tensor: replaced.tensor, base: own }));
}

/** Adapters hold tensors as Hugging Face does, and so they come on the way that the base's would. */
function replacedSource(planned: QuantizedTensor, { tensor, base }: Whole, format: 'hf' | 'gguf'): ValueSource {
  const transform: Transform =
    base.isConv1d && !staysConv1d(base, planned, format)
      ? { kind: 'transpose' }
      : format === 'gguf' && base.heads !== undefined
        ? { kind: 'permuteRows', heads: base.heads }
        : format === 'gguf' && base.isShifted
          ? { kind: 'addOne' }
          : { kind: 'none' };
  // Rows beyond the vocabulary stay cut off.
  const shape = transform.kind === 'transpose' ? planned.shape.toReversed() : planned.shape;
  return { kind: 'stored', tensor, elements: elementCount(shape), shape, transform };
}

const step = (tensor: ShardTensorInfo, isTurned: boolean, order?: RowOrder): EditFactor => ({ tensor, isTurned, order });

/** What one adapter does to one tensor of the output. */
function stepsFor(tensor: QuantizedTensor, part: BoundPart, base: AdapterBase, format: 'hf' | 'gguf'): EditStep[] {
  const { bound, weight, inert } = part;
  const name = planName(tensor, base, format);
  const isThis = (candidate: BaseTensor): boolean => candidate[format] === name;
  const orderOf = ({ heads }: BaseTensor): RowOrder | undefined => {
    const comesIn = bound.adapter.format === 'gguf' ? 'gguf' : 'hf';
    if (heads === undefined || comesIn === format) return undefined;
    return { heads, to: format === 'gguf' ? 'pairs' : 'halves' };
  };
  const lowRank = bound.modules
    .filter(({ base: candidate, module }) => isThis(candidate) && !inert.has(module))
    .map(({ module, base: candidate }): EditStep => {
      const { a, b, rank, scale, magnitude } = module;
      const isTurned = module.kind === 'embedding' || staysConv1d(candidate, tensor, format);
      const order = orderOf(candidate);
      return {
        kind: 'lowRank',
        left: isTurned ? step(a.tensor, !a.isTurned) : step(b.tensor, b.isTurned, order),
        right: isTurned ? step(b.tensor, !b.isTurned) : step(a.tensor, a.isTurned),
        rank,
        scale,
        weight,
        magnitude: magnitude === undefined ? undefined : { ...step(magnitude, false, order), along: isTurned ? 'columns' : 'rows' },
      };
    });
  const vectors = bound.modules.flatMap(({ module, bias }): EditStep[] =>
    module.bias === undefined || bias === undefined || !isThis(bias)
      ? []
      : [{ kind: 'vector', vector: step(module.bias, false, orderOf(bias)), scale: weight * module.scale }],
  );
  const rows = bound.rows
    .filter(({ base: candidate }) => isThis(candidate))
    .map(({ rows: { tokens, tensor: values } }): EditStep => ({ kind: 'rows', tokens, rows: values }));
  return [...lowRank, ...vectors, ...rows];
}

/** An edited tensor is encoded, whatever would have been done with its bytes. */
function encoded(tensor: QuantizedTensor, format: 'hf' | 'gguf', imatrix: ReadonlySet<string> | undefined): QuantizedTensor {
  const { encoder, source, name, to } = tensor;
  if (encoder.kind !== 'copy' && encoder.kind !== 'repack') return tensor;
  const matrix = imatrix?.has(name) === true ? name : undefined;
  if (encoder.kind === 'repack') return { ...tensor, encoder: { kind: 'ggml', type: encoder.type, imatrix: matrix }, why: 'mix' };
  return { ...tensor, encoder: inItsType(source, to, format, matrix) };
}

function inItsType(source: ValueSource, to: string, format: 'hf' | 'gguf', imatrix: string | undefined): Encoder {
  const packed = source.kind === 'stored' ? source.tensor.packed : undefined;
  if (packed?.kind === 'ggml' && format === 'gguf') return { kind: 'ggml', type: packed.type, imatrix };
  if (!isFloatDtype(to)) throw new RangeError(`${to} takes no changes`);
  return { kind: 'cast', type: to };
}

function warningsOf(parts: readonly BoundPart[], tensors: readonly QuantizedTensor[], edited: ReadonlySet<string>): AppErrorData[] {
  const warnings: AppErrorData[] = [];
  for (const { inert, weight, adapter } of parts) {
    const wholes = wholesOf(adapter);
    if (weight !== 1 && wholes[0] !== undefined)
      warnings.push({ code: 'adapters.replacedWhole', params: { tensor: excerpt(wholes[0]), count: wholes.length, weight } });
    const [first] = inert;
    if (first !== undefined) warnings.push({ code: 'adapters.noEffect', params: { count: inert.size, tensor: excerpt(first.weight) } });
  }
  const again = tensors.filter(
    ({ name, source, encoder }) =>
      edited.has(name) &&
      source.kind === 'stored' &&
      source.tensor.packed?.kind === 'ggml' &&
      encoder.kind === 'ggml' &&
      isQuantized(encoder.type),
  );
  const from = [...new Set(again.map(({ source }) => (source.kind === 'stored' ? storedAs(source.tensor) : 'F32')))].join(', ');
  if (again.length > 0) warnings.push({ code: 'quantize.requantized', params: { count: again.length, from } });
  return warnings;
}
