import { AppError } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import { normalQuantile, seedOf, XorShift32 } from '../demo/random.ts';
import type { Adapter, LoraModule } from './adapter.ts';
import type { AdapterBase, BaseTensor } from './base.ts';
import { bindAdapter } from './fit.ts';
import { shapeText } from './peft.ts';

/** The ways to make one adapter of several, under PEFT's names (`add_weighted_adapter`). */
export const combineMethods = [
  /** The factors side by side: exactly the weighted sum, of the sum of the ranks. */
  'cat',
  /** The weighted sum, cut to a rank by its singular values. */
  'svd',
  /** Sums of the factors: holds products of one adapter's A with another's B as well. */
  'linear',
  'ties',
  'dare_linear',
  'dare_ties',
  'magnitude_prune',
  /** The same on the products in place of the factors, cut to a rank. */
  'ties_svd',
  'dare_linear_svd',
  'dare_ties_svd',
  'magnitude_prune_svd',
] as const;
export type CombineMethod = (typeof combineMethods)[number];

export interface CombineOptions {
  readonly method: CombineMethod;
  /** Of the result, where the method cuts; default: the largest of the adapters'. */
  readonly rank?: number | undefined;
  /** Share of the values that is kept, in (0, 1]. Default 0.5. */
  readonly density?: number | undefined;
  /** TIES: whether the sign of the sum decides, or the sign that most have. */
  readonly majoritySign?: 'total' | 'frequency' | undefined;
  /** Of DARE's choice of values and of the randomised decomposition. Default 0. */
  readonly seed?: number | undefined;
}

/** A module of the result, and the adapters that have it. */
export interface CombinedModule {
  readonly base: BaseTensor;
  readonly kind: LoraModule['kind'];
  readonly inputs: number;
  readonly outputs: number;
  /** Of the result, at most. */
  readonly rank: number;
  readonly parts: readonly { readonly adapter: number; readonly module: LoraModule; readonly weight: number }[];
}

/** The same, with nothing left to a default. */
export interface CombineSettings {
  readonly method: CombineMethod;
  readonly rank: number;
  readonly density: number;
  readonly majoritySign: 'total' | 'frequency';
  readonly seed: number;
}

export interface CombinePlan {
  readonly options: CombineSettings;
  readonly base: AdapterBase;
  readonly modules: readonly CombinedModule[];
}

export interface CombinePart {
  readonly adapter: Adapter;
  readonly name: string;
  readonly weight: number;
}

export const isCut = (method: CombineMethod): boolean => method.endsWith('svd');

/** The operation of a method. */
export const taskOf = (method: CombineMethod): string => method.replace(/_svd$/, '');

/** Decomposing takes time with the third power of the ranks together. */
export const MAX_RANK = 2048;

const bad = (option: string, value: unknown, expected: string): AppError =>
  new AppError('adapters.badOption', { option, value: String(value), expected });

/**
 * What combining adapters will make: every module that any of them has. Ranks may differ.
 * @param base of what they change; `baseOfAdapters` where no model is at hand
 * @throws adapters.badOption, .notCombined, .shapeMismatch, and where one does not fit the base
 */
export function planCombination(parts: readonly CombinePart[], base: AdapterBase, options: CombineOptions): CombinePlan {
  const { method, density = 0.5, majoritySign = 'total', seed = 0 } = options;
  if (parts.length === 0) throw bad('adapters', 'none', 'at least one adapter');
  if (!(density > 0 && density <= 1)) throw bad('density', density, 'above 0 and at most 1');
  for (const { weight } of parts) if (!Number.isFinite(weight)) throw bad('weight', weight, 'a number');
  const largest = Math.max(1, ...parts.flatMap(({ adapter }) => adapter.modules.map(({ rank }) => rank)));
  const wanted = options.rank ?? largest;
  if (!(Number.isSafeInteger(wanted) && wanted >= 1 && wanted <= MAX_RANK))
    throw bad('rank', wanted, `a whole number from 1 to ${MAX_RANK}`);
  const modules = new Map<string, CombinedModule>();
  for (const [index, { adapter, name, weight }] of parts.entries()) {
    refuseWhole(adapter, name);
    for (const { module, base: tensor } of bindAdapter(adapter, base).modules) {
      const { kind, inputs, outputs, rank } = module;
      const key = `${tensor.hf} ${tensor.gguf}`;
      const before = modules.get(key);
      if (before !== undefined && (before.inputs !== inputs || before.outputs !== outputs || before.kind !== kind))
        throw new AppError('adapters.shapeMismatch', {
          tensor: excerpt(module.weight),
          shape: shapeText([outputs, inputs]),
          other: excerpt(before.parts[0]?.module.weight ?? ''),
          otherShape: shapeText([before.outputs, before.inputs]),
        });
      const together = method === 'cat' || method === 'svd' ? (before?.rank ?? 0) + rank : Math.max(before?.rank ?? 0, rank);
      if (together > MAX_RANK) throw bad('rank', together, `at most ${MAX_RANK} for each weight`);
      const most = isCut(method) ? Math.min(wanted, inputs, outputs) : together;
      const added = { adapter: index, module, weight };
      modules.set(key, { base: tensor, kind, inputs, outputs, rank: most, parts: [...(before?.parts ?? []), added] });
    }
  }
  return { options: { method, rank: wanted, density, majoritySign, seed }, base, modules: [...modules.values()] };
}

function refuseWhole({ modules, replaced, rows }: Adapter, adapter: string): void {
  const refuse = (what: string, name: string | undefined): void => {
    if (name !== undefined) throw new AppError('adapters.notCombined', { adapter: excerpt(adapter), what, tensor: excerpt(name) });
  };
  refuse('use_dora', modules.find(({ magnitude }) => magnitude !== undefined)?.weight);
  refuse('lora_bias', modules.find(({ bias }) => bias !== undefined)?.weight);
  refuse('modules_to_save', replaced.find(({ isWrapped, name }) => !isWrapped && name.endsWith('.weight'))?.name);
  refuse('bias', replaced.find(({ isWrapped }) => !isWrapped)?.name);
  refuse('trainable_token_indices', rows[0]?.weight);
}

/**
 * One of PEFT's operations on arrays of one length: what is kept of each, and how they are added.
 * @param name of the module and the half, for the random choices
 */
export function combineTasks(
  task: string,
  tensors: readonly Float32Array[],
  weights: readonly number[],
  { density, majoritySign, seed }: Pick<CombineSettings, 'density' | 'majoritySign' | 'seed'>,
  name: string,
): Float32Array<ArrayBuffer> {
  const kept = tensors.map((tensor, i) => {
    if (task === 'linear') return tensor;
    return task.startsWith('dare') ? dropped(tensor, density, seedOf(`${name} ${i}`, seed)) : pruned(tensor, density);
  });
  return task.endsWith('ties') ? disjointSum(kept, weights, majoritySign) : weightedSum(kept, weights);
}

function weightedSum(tensors: readonly Float32Array[], weights: readonly number[]): Float32Array<ArrayBuffer> {
  const sums = new Float64Array(tensors[0]?.length ?? 0);
  for (const [i, tensor] of tensors.entries()) {
    const weight = weights[i] ?? 0;
    for (let at = 0; at < sums.length; at += 1) sums[at] = (sums[at] ?? 0) + weight * (tensor[at] ?? 0);
  }
  return Float32Array.from(sums);
}

/** TIES (arXiv 2306.01708): of each place, the mean of those who have the elected sign. The election is held before the weights. */
function disjointSum(
  tensors: readonly Float32Array[],
  weights: readonly number[],
  majoritySign: 'total' | 'frequency',
): Float32Array<ArrayBuffer> {
  const result = new Float32Array(tensors[0]?.length ?? 0);
  for (let at = 0; at < result.length; at += 1) {
    let votes = 0;
    for (const tensor of tensors) votes += majoritySign === 'total' ? (tensor[at] ?? 0) : Math.sign(tensor[at] ?? 0);
    const elected = votes >= 0 ? 1 : -1;
    let [sum, count] = [0, 0];
    for (const [i, tensor] of tensors.entries()) {
      const value = tensor[at] ?? 0;
      if (Math.sign(value) !== elected) continue;
      sum += value * (weights[i] ?? 0);
      count += 1;
    }
    result[at] = sum / Math.max(1, count);
  }
  return result;
}

/** The largest values, `density` of all; of equal ones the first. */
function pruned(tensor: Float32Array, density: number): Float32Array {
  if (density >= 1) return tensor;
  const count = Math.floor(density * tensor.length);
  const result = new Float32Array(tensor.length);
  if (count === 0) return result;
  const sizes = tensor.map(Math.abs).sort();
  const least = sizes[tensor.length - count] ?? Infinity;
  let ties = count - sizes.reduce((sum, size) => sum + (size > least ? 1 : 0), 0);
  for (const [at, value] of tensor.entries()) {
    const size = Math.abs(value);
    if (size < least || (size === least && ties === 0)) continue;
    if (size === least) ties -= 1;
    result[at] = value;
  }
  return result;
}

/** DARE (arXiv 2311.03099): values dropped at random, and the others made larger for it. */
function dropped(tensor: Float32Array, density: number, seed: number): Float32Array {
  if (density >= 1) return tensor;
  const random = new XorShift32(seed);
  return tensor.map((value) => (random.next() < density * 2 ** 32 ? value / density : 0));
}

/** Numbers from a standard normal distribution, the same for the same seed. */
export function normalValues(count: number, seed: number): Float32Array<ArrayBuffer> {
  const random = new XorShift32(seed);
  return Float32Array.from({ length: count }, () => normalQuantile((random.next() + 0.5) / 2 ** 32));
}
