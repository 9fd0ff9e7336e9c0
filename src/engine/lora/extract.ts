import { availableParallelism } from 'node:os';
import { elementCount } from '#core/element-count.ts';
import { AppError } from '#core/errors/index.ts';
import { excerpt } from '#core/excerpt.ts';
import { seedOf } from '#core/demo/random.ts';
import type { ExtractedMatrix, ExtractPlan, TensorPair } from '#core/lora/extract.ts';
import { reordered, turn } from '#core/lora/factors.ts';
import type { MadeAdapter, MadeModule, MadeTensor } from '#core/lora/made.ts';
import type { NativeLora } from '../native-lora.ts';
import type { ValuesAt } from '../quantize/edit.ts';
import type { OpenedModel } from '../quantize/open-model.ts';
import { energyCurve } from './combine.ts';
import { rowsOf, type RowKernels } from './model-rows.ts';
import { cut, decomposeBands, type SvdTools } from './svd.ts';

/** What an adapter holds of the difference of one weight. */
export interface Extracted {
  readonly weight: string;
  readonly rank: number;
  /** ‖ΔW‖ */
  readonly length: number;
  /** ‖ΔW‖ / ‖W‖ */
  readonly relativeChange: number;
  /** Share of ‖ΔW‖² that the adapter does not hold. */
  readonly residual: number;
  /** Share of ‖ΔW‖² that the first values hold, one after the other. */
  readonly energy: readonly number[];
}

export interface ExtractedAdapter {
  readonly made: MadeAdapter;
  readonly weights: readonly Extracted[];
  /** Norms and biases that differ, and are stored whole. */
  readonly replaced: readonly string[];
  /** Weights that differ, and were left out as the plan said. */
  readonly leftOut: readonly string[];
}

export interface ExtractSetup {
  readonly base: OpenedModel;
  readonly tuned: OpenedModel;
  readonly kernels: NativeLora & RowKernels;
  /** What the base is to be called in the adapter. */
  readonly baseName?: string | undefined;
  readonly threads?: number | undefined;
  readonly signal: AbortSignal;
  readonly progress?: ((done: number, total: number, weight: string) => void) | undefined;
}

/**
 * An adapter that makes the base nearly the fine-tuned model: of each weight's difference the largest singular values. No weight is in
 * memory as a whole. `writeAdapter` writes it; GGUF has no place for norms and biases.
 * Throws `adapters.noDifference`, `.notFinite`, `disk.*`, and the signal's reason.
 */
export async function extractAdapter(plan: ExtractPlan, setup: ExtractSetup): Promise<ExtractedAdapter> {
  const { kernels, signal, threads = availableParallelism(), progress, baseName } = setup;
  const tools: SvdTools = { kernels, threads, signal };
  const modules: MadeModule[] = [];
  const weights: Extracted[] = [];
  for (const [done, matrix] of plan.matrices.entries()) {
    signal.throwIfAborted();
    const found = await extractMatrix(matrix, plan, setup, tools);
    if (found !== undefined) {
      modules.push(found.made);
      weights.push(found.extracted);
    }
    progress?.(done + 1, plan.matrices.length, matrix.base.hf);
  }
  const replaced: MadeTensor[] = [];
  for (const pair of plan.vectors) {
    signal.throwIfAborted();
    const values = await changedVector(pair, setup, threads);
    if (values !== undefined) replaced.push({ base: pair.base, values });
  }
  if (modules.length + replaced.length === 0) throw new AppError('adapters.noDifference', {});
  const made: MadeAdapter = { base: plan.base, baseName, modules, replaced, changesTiedPair: plan.base.tiedHead !== undefined };
  const leftOut: string[] = [];
  for (const pair of plan.leftOut) if (!(await isSame(pair, setup, threads))) leftOut.push(pair.base.hf);
  return { made, weights, replaced: replaced.map(({ base }) => base.hf), leftOut };
}

/** Tuned less base, band by band; each is valid until the next. */
async function* differences(
  { baseSource, tunedSource }: TensorPair,
  columns: number,
  { base, tuned, kernels }: ExtractSetup,
  threads: number,
  each?: (base: Float32Array) => void,
): AsyncGenerator<ValuesAt> {
  const before = rowsOf(baseSource, columns, base, kernels, threads)[Symbol.asyncIterator]();
  const after = rowsOf(tunedSource, columns, tuned, kernels, threads)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const [own, other] = [await before.next(), await after.next()];
      if (own.done === true || other.done === true) return;
      const { first, values } = other.value;
      const old = own.value.values;
      if (old.length !== values.length) throw new RangeError('the two models are read in different steps');
      each?.(old);
      for (let i = 0; i < values.length; i += 1) values[i] = (values[i] ?? 0) - (old[i] ?? 0);
      yield { first, values };
    }
  } finally {
    await before.return?.(undefined);
    await after.return?.(undefined);
  }
}

async function extractMatrix(
  matrix: ExtractedMatrix,
  { options }: ExtractPlan,
  setup: ExtractSetup,
  tools: SvdTools,
): Promise<{ readonly made: MadeModule; readonly extracted: Extracted } | undefined> {
  const { rows, columns, base, kind, isGguf } = matrix;
  const norm = { base: 0, change: 0 };
  for await (const { values } of differences(matrix, columns, setup, tools.threads, (old) => (norm.base += squares(old))))
    norm.change += squares(values);
  if (norm.change === 0) return undefined;
  if (!Number.isFinite(norm.change)) throw new AppError('adapters.notFinite', { tensor: excerpt(base.hf) });
  const bands = (): AsyncIterable<ValuesAt> => differences(matrix, columns, setup, tools.threads);
  const found = await decomposeBands({ rows, columns, bands }, options.rank, seedOf(base.hf, options.seed), tools);
  const curve = energyCurve(found);
  const enough = options.energy >= 1 ? -1 : curve.findIndex((share) => share >= options.energy);
  const rank = Math.min(options.rank, rows, columns, enough === -1 ? Infinity : enough + 1);
  const factors = cut(found, rank);
  const left = isGguf && base.heads !== undefined ? reordered(factors.b, rows, { heads: base.heads, to: 'halves' }) : factors.b;
  const shape = { base, kind, rank, scale: 1 };
  // The rows of a table are its inputs.
  const made: MadeModule =
    kind === 'embedding'
      ? { ...shape, inputs: rows, outputs: columns, a: turn(left, rows, rank), b: turn(factors.a, rank, columns) }
      : { ...shape, inputs: columns, outputs: rows, a: factors.a, b: left };
  const extracted: Extracted = {
    weight: base.hf,
    rank,
    length: Math.sqrt(norm.change),
    relativeChange: norm.base === 0 ? 1 : Math.sqrt(norm.change / norm.base),
    residual: 1 - (curve[rank - 1] ?? 1),
    energy: curve,
  };
  return { made, extracted };
}

async function isSame(pair: TensorPair, setup: ExtractSetup, threads: number): Promise<boolean> {
  for await (const { values } of differences(pair, pair.base.shape.at(-1) ?? 1, setup, threads))
    if (values.some((value) => value !== 0)) return false;
  return true;
}

/** A norm or bias of the fine-tuned model as Hugging Face has it, where it is another one than the base's. */
async function changedVector(pair: TensorPair, setup: ExtractSetup, threads: number): Promise<Float32Array<ArrayBuffer> | undefined> {
  const { base, tunedSource, isGguf } = pair;
  const columns = elementCount(base.shape);
  if (await isSame(pair, setup, threads)) return undefined;
  const result = new Float32Array(columns);
  for await (const { first, values } of rowsOf(tunedSource, columns, setup.tuned, setup.kernels, threads)) result.set(values, first);
  if (!isGguf) return result;
  const plain = base.isShifted ? result.map((value) => value - 1) : result;
  return base.heads === undefined ? plain : reordered(plain, plain.length, { heads: base.heads, to: 'halves' });
}

function squares(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return sum;
}
