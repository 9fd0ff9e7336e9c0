import { availableParallelism } from 'node:os';
import { AppError } from '#core/errors/index.ts';
import { excerpt } from '#core/excerpt.ts';
import { combineTasks, isCut, taskOf, type CombinedModule, type CombinePlan } from '#core/lora/combine.ts';
import { seedOf } from '#core/demo/random.ts';
import type { MadeAdapter, MadeModule } from '#core/lora/made.ts';
import type { NativeLora } from '../native-lora.ts';
import type { ValuesAt } from '../quantize/edit.ts';
import { loadModule } from './load-adapter.ts';
import type { OpenedAdapter } from './open-adapter.ts';
import { cut, decomposeBands, decomposeProduct, lengthOfProduct, type Decomposition, type SvdTools } from './svd.ts';

/** What the combination does to one weight, before anything is written. */
export interface CombinedChange {
  readonly weight: string;
  readonly rank: number;
  /** ‖ΔW‖ of the result. */
  readonly length: number;
  /** ‖ΔW‖ of the weighted sum of the adapters. */
  readonly sumLength: number;
  /** How far the result is from that sum, as a share of it. */
  readonly distance: number;
  /** Where the method cuts: share of ‖ΔW‖² that the first values hold, one after the other. */
  readonly energy: readonly number[] | undefined;
}

export interface Combined {
  readonly made: MadeAdapter;
  readonly changes: readonly CombinedChange[];
}

export interface CombineTools {
  readonly kernels: NativeLora;
  readonly threads?: number | undefined;
  readonly signal: AbortSignal;
  readonly progress?: ((done: number, total: number, weight: string) => void) | undefined;
}

/**
 * Make one adapter of several, in memory: `writeAdapter` writes it. Its scale is 1 everywhere.
 * @param opened in the order of the plan's parts
 * Throws `adapters.notFinite`, `disk.*`, and the signal's reason.
 */
export async function combineAdapters(opened: readonly OpenedAdapter[], plan: CombinePlan, options: CombineTools): Promise<Combined> {
  const { signal, kernels, threads = availableParallelism(), progress } = options;
  const tools: SvdTools = { kernels, threads, signal };
  const modules: MadeModule[] = [];
  const changes: CombinedChange[] = [];
  for (const [done, module] of plan.modules.entries()) {
    signal.throwIfAborted();
    const { made, change } = await combineModule(opened, module, plan, tools);
    modules.push(made);
    changes.push(change);
    progress?.(done + 1, plan.modules.length, change.weight);
  }
  const baseName = opened.map(({ adapter }) => adapter.baseName).find((name) => name !== undefined);
  const changesTiedPair = opened.some(({ adapter }) => adapter.changesTiedPair);
  return { made: { base: plan.base, baseName, modules, replaced: [], changesTiedPair }, changes };
}

/** A module of one adapter, and its share of the sum. */
interface Part extends MadeModule {
  /** The user's weight times the adapter's scale. */
  readonly factor: number;
}

async function combineModule(
  opened: readonly OpenedAdapter[],
  module: CombinedModule,
  plan: CombinePlan,
  tools: SvdTools,
): Promise<{ readonly made: MadeModule; readonly change: CombinedChange }> {
  const { base, kind, inputs, outputs } = module;
  const parts: Part[] = [];
  for (const { adapter, module: own, weight } of module.parts) {
    const file = opened[adapter];
    if (file === undefined) throw new RangeError(`there is no adapter ${adapter}`);
    const loaded = await loadModule(file, { module: own, base });
    for (const values of [loaded.a, loaded.b])
      if (values.some((value) => !Number.isFinite(value))) throw new AppError('adapters.notFinite', { tensor: excerpt(own.weight) });
    parts.push({ ...loaded, factor: weight * own.scale });
  }
  const sum = sideBySide(parts, inputs, outputs);
  const { rank, a, b, found } = await factorsOf(parts, sum, module, plan, tools);
  const made: MadeModule = { base, kind, rank, inputs, outputs, scale: 1, a, b };
  // The result beside the negative of the sum: what is left is the distance.
  const apart = sideBySide(
    [
      { ...made, factor: 1 },
      { ...made, ...sum, factor: -1 },
    ],
    inputs,
    outputs,
  );
  const lengthOf = (factors: Factors): Promise<number> => lengthOfProduct(outputs, inputs, factors.rank, factors.b, factors.a, tools);
  const [length, sumLength, difference] = [await lengthOf(made), await lengthOf(sum), await lengthOf(apart)];
  const change: CombinedChange = {
    weight: base.hf,
    rank,
    length,
    sumLength,
    distance: plan.options.method === 'cat' || sumLength === 0 ? 0 : difference / sumLength,
    energy: found && energyCurve(found),
  };
  return { made, change };
}

interface Factors {
  readonly rank: number;
  readonly a: Float32Array<ArrayBuffer>;
  readonly b: Float32Array<ArrayBuffer>;
}

/** The weighted sum itself: all A below, all B beside each other. */
function sideBySide(parts: readonly Part[], inputs: number, outputs: number): Factors {
  const rank = parts.reduce((sum, part) => sum + part.rank, 0);
  const a = new Float32Array(rank * inputs);
  const b = new Float32Array(outputs * rank);
  let first = 0;
  for (const part of parts) {
    a.set(
      part.a.map((value) => value * part.factor),
      first * inputs,
    );
    for (let row = 0; row < outputs; row += 1) b.set(part.b.subarray(row * part.rank, (row + 1) * part.rank), row * rank + first);
    first += part.rank;
  }
  return { rank, a, b };
}

async function factorsOf(
  parts: readonly Part[],
  sum: Factors,
  { base, inputs, outputs, rank }: CombinedModule,
  { options }: CombinePlan,
  tools: SvdTools,
): Promise<Factors & { readonly found?: Decomposition }> {
  const { method, seed } = options;
  if (method === 'cat') return sum;
  if (method === 'svd') {
    const found = await decomposeProduct(outputs, inputs, sum.rank, sum.b, sum.a, tools);
    const kept = Math.min(rank, sum.rank);
    return { rank: kept, ...cut(found, kept), found };
  }
  if (!isCut(method)) return onFactors(parts, rank, inputs, outputs, options, base.hf);
  const deltas: Float32Array<ArrayBuffer>[] = [];
  for (const part of parts) {
    const delta = new Float32Array(outputs * inputs);
    const [left, right] = [{ values: part.b }, { values: part.a }];
    await tools.kernels.matmul({ m: outputs, n: inputs, k: part.rank, a: left, b: right, c: delta, alpha: part.scale }, tools);
    deltas.push(delta);
  }
  const weights = parts.map((part) => part.factor / part.scale);
  const values = combineTasks(taskOf(method), deltas, weights, options, base.hf);
  const bands = async function* (): AsyncGenerator<ValuesAt> {
    yield { first: 0, values };
  };
  const found = await decomposeBands({ rows: outputs, columns: inputs, bands }, rank, seedOf(base.hf, seed), tools);
  return { rank, ...cut(found, rank), found };
}

/**
 * PEFT's way with the halves: each gets the square root of the weight, and A its sign, so that the product has the weight. Adapters
 * of lower rank are filled with zeros.
 */
function onFactors(
  parts: readonly Part[],
  rank: number,
  inputs: number,
  outputs: number,
  options: CombinePlan['options'],
  name: string,
): Factors {
  const roots = parts.map(({ factor }) => Math.sqrt(Math.abs(factor)));
  const signed = parts.map(({ factor }, i) => (factor < 0 ? -1 : 1) * (roots[i] ?? 0));
  const task = taskOf(options.method);
  const filled = parts.map((part) => sideBySide([{ ...part, factor: 1 }, emptyPart(part, rank - part.rank)], inputs, outputs));
  const half = (pick: 'a' | 'b', weights: readonly number[]): Float32Array<ArrayBuffer> =>
    combineTasks(
      task,
      filled.map((factors) => factors[pick]),
      weights,
      options,
      `${name} ${pick}`,
    );
  return { rank, a: half('a', signed), b: half('b', roots) };
}

const emptyPart = (part: Part, rank: number): Part => ({
  ...part,
  rank,
  factor: 0,
  a: new Float32Array(rank * part.inputs),
  b: new Float32Array(part.outputs * rank),
});

/** Shares of the whole that the first values hold. */
export function energyCurve({ values, energy }: Pick<Decomposition, 'values' | 'energy'>): readonly number[] {
  let sum = 0;
  return Array.from(values, (value) => {
    sum += value ** 2;
    return energy === 0 ? 1 : Math.min(1, sum / energy);
  });
}
