import type { MeasuredTensor } from '#core/lora/verdict.ts';
import { isFloatDtype } from '#core/quantize/model.ts';
import type { QuantizationPlan } from '#core/quantize/plan.ts';
import { planWorkingModel } from '#core/quantize/calibration-plan.ts';
import type { ValueEdit } from '../quantize/edit.ts';
import type { OpenedModel } from '../quantize/open-model.ts';
import { makeWorkingModel, type WorkingModel, type WorkingModelOptions } from '../quantize/working-model.ts';

/**
 * How much the answers diverge when weights are rounded is measured on the base: its weights get random errors of the size that rounding
 * has in the merged file. No adapter takes part in it, so a merge that went wrong does not move its own bound. The divergence
 * goes with the square of the errors (Malinovskii et al. 2024, arXiv 2411.17525, their linearity theorem): small errors are made larger, to
 * stand out from the arithmetic, and the divergence is divided by the square of that.
 */
export interface RoundingControl extends WorkingModel {
  /** The errors in the file are so many times those of the rounding. */
  readonly factor: number;
}

/** llama.cpp rounds activations to eight bits where weights are quantized (Q8_0 and Q8_K, measured on normal values). */
const QUANTIZED_ACTIVATIONS = 0.006;

/** Errors of at least this size stand out from the arithmetic of half precision. */
const LEAST_ERROR = 0.02;

/** Else to half precision, in the cache of keys and values at least: their significands have 11 bits. */
const HALF_ACTIVATIONS = 2 ** -12;

export interface RoundingControlOptions extends Omit<WorkingModelOptions, 'opened' | 'plan' | 'edits'> {
  readonly version: string;
  /** Of the merged file. */
  readonly tensors: readonly MeasuredTensor[];
  readonly isMergedQuantized: boolean;
  readonly isBaseQuantized: boolean;
}

/** Write the base with errors. Disposing removes it. */
export async function makeRoundingControl(
  base: OpenedModel,
  { version, tensors, isMergedQuantized, isBaseQuantized, ...options }: RoundingControlOptions,
): Promise<RoundingControl> {
  const activations = (isQuantized: boolean): number => (isQuantized ? QUANTIZED_ACTIVATIONS : HALF_ACTIVATIONS) ** 2;
  const own = activations(isMergedQuantized) + activations(isBaseQuantized);
  const errors = new Map(tensors.map(({ name, rounding }) => [name, Math.sqrt(rounding ** 2 + own)]));
  const most = Math.max(...errors.values(), HALF_ACTIVATIONS);
  const factor = Math.max(1, LEAST_ERROR / most);
  const planned = planWorkingModel(base.model, version);
  const edited = planned.tensors.filter(({ name, shape, to }) => shape.length > 1 && isFloatDtype(to) && errors.has(name));
  const edits = new Map(edited.map(({ name }, i) => [name, noise((errors.get(name) ?? 0) * factor, i)]));
  const model = await makeWorkingModel({
    ...options,
    opened: base,
    plan: withoutCopies(planned, new Set(edits.keys())),
    edits: { key: `noise ${factor}`, of: edits },
  });
  return { path: model.path, factor, [Symbol.asyncDispose]: () => model[Symbol.asyncDispose]() };
}

/** What is changed is encoded, also in the type that it has. */
function withoutCopies(plan: QuantizationPlan, names: ReadonlySet<string>): QuantizationPlan {
  const tensors = plan.tensors.map((tensor) => {
    const { name, encoder, to } = tensor;
    if (!names.has(name) || encoder.kind !== 'copy' || !isFloatDtype(to)) return tensor;
    return { ...tensor, encoder: { kind: 'cast', type: to } as const };
  });
  return { ...plan, tensors };
}

/** Every value gets an error in proportion to itself, even between -√3 and √3 times `size`: its mean square is `size`². */
function noise(size: number, seed: number): ValueEdit {
  const width = size * Math.sqrt(3);
  return {
    multiple: 1,
    open:
      async () =>
      async ({ first, values }) => {
        for (let i = 0; i < values.length; i += 1) values[i] = (values[i] ?? 0) * (1 + width * scrambled(first + i, seed));
      },
  };
}

/** A number from -1 to 1 for each place (the finalizer of MurmurHash3). */
function scrambled(place: number, seed: number): number {
  let mixed = (place ^ Math.imul(seed + 1, 0x9e3779b9)) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 31 - 1;
}
