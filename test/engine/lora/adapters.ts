import { mkdtempSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { MergeRequest } from '#core/lora/merge.ts';
import { planSafetensors } from '#core/safetensors/write.ts';
import { executeMerge, prepareMerge } from '#engine/lora/merge.ts';
import { openAdapter } from '#engine/lora/open-adapter.ts';
import { loadNative } from '#engine/native.ts';
import type { Executed } from '#engine/quantize/execute.ts';
import { openQuantizable } from '#engine/quantize/open-model.ts';
import { tensorsOf, type Stored } from '../quantize/quantize.ts';

export const native = loadNative();

export const goldenPath = (...names: string[]): string => join(import.meta.dirname, '..', '..', 'golden', 'lora', ...names);

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'lathe lora 适配 '));

export const neverAborted = new AbortController().signal;

/** Merge adapters into a model, as the program does. */
export async function merge(
  base: string,
  adapters: readonly (readonly [path: string, weight: number])[],
  outputPath: string,
  request: Partial<Omit<MergeRequest, 'model' | 'parts'>> = {},
  chunkElements?: number,
): Promise<Executed> {
  await using stack = new AsyncDisposableStack();
  const model = stack.use(await openQuantizable(base, basename(base)));
  const opened = [];
  for (const [i, [path, weight]] of adapters.entries()) opened.push({ opened: stack.use(await openAdapter(path, `adapter ${i}`)), weight });
  const prepared = await prepareMerge(model, opened, { version: '1.2.3', ...request }, neverAborted);
  return await executeMerge({
    prepared,
    outputPath,
    kernels: native,
    signal: neverAborted,
    progress: () => undefined,
    threads: 2,
    chunkElements,
  });
}

/** The values of a stored tensor of floats. */
export function valuesOf({ type, bytes }: Stored): Float32Array {
  const own = bytes.slice();
  if (type === 'F32') return new Float32Array(own.buffer);
  if (type === 'F16') return Float32Array.from(new Float16Array(own.buffer));
  if (type === 'BF16') return new Float32Array(Uint32Array.from(new Uint16Array(own.buffer), (word) => word * 2 ** 16).buffer);
  throw new RangeError(`${type} is no float type`);
}

export const weightsIn = (folder: string): Promise<ReadonlyMap<string, Stored>> => tensorsOf(join(folder, 'model.safetensors'));

/** ‖a − b‖ / ‖b‖, or ‖a‖ where b is zero. */
export function relativeDistance(left: ArrayLike<number>, right: ArrayLike<number>): number {
  let [error, norm] = [0, 0];
  for (let i = 0; i < right.length; i += 1) {
    error += ((left[i] ?? Number.NaN) - (right[i] ?? 0)) ** 2;
    norm += (right[i] ?? 0) ** 2;
  }
  return Math.sqrt(norm === 0 ? error : error / norm);
}

/** How far two floats are apart, in steps of the larger one's last place. */
export function largestUlps(left: ArrayLike<number>, right: ArrayLike<number>, scale?: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < right.length; i += 1) {
    const [a, b] = [left[i] ?? Number.NaN, right[i] ?? Number.NaN];
    const size = Math.max(Math.abs(a), Math.abs(b), Math.abs(scale?.[i] ?? 0), 2 ** -126);
    const difference = Math.abs(a - b) / 2 ** (Math.floor(Math.log2(size)) - 23);
    if (!(difference <= most)) most = difference;
  }
  return most;
}

/** Numbers from -1 to 1, the same in every run (a linear congruential generator). */
export function randomValues(count: number, seed: number): Float32Array<ArrayBuffer> {
  let state = (Math.imul(seed + 1, 2_654_435_761) ^ 0x9e3779b9) >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** Write a PEFT adapter; the names go without their common prefix. */
export async function writePeft(
  folder: string,
  config: Readonly<Record<string, unknown>>,
  tensors: Readonly<Record<string, readonly [shape: readonly number[], values: Float32Array<ArrayBuffer>]>>,
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const named = Object.entries(tensors).map(([name, [shape]]) => ({ name: `base_model.model.${name}`, dtype: 'F32' as const, shape }));
  const plan = planSafetensors(named);
  const file = new Uint8Array(plan.totalBytes);
  file.set(plan.header);
  for (const { name, offset } of plan.tensors) {
    const [, values] = tensors[name.replace('base_model.model.', '')] ?? [];
    if (values !== undefined) file.set(new Uint8Array(values.buffer), offset);
  }
  await writeFile(join(folder, 'adapter_model.safetensors'), file);
  await writeFile(join(folder, 'adapter_config.json'), JSON.stringify({ peft_type: 'LORA', ...config }));
  return folder;
}

/** An adapter of real effect for modules given as [path, outputs, inputs]. */
export function randomAdapter(
  folder: string,
  modules: readonly (readonly [path: string, outputs: number, inputs: number])[],
  config: Readonly<Record<string, unknown>> = {},
  rankOf: (path: string) => number = () => 4,
  seed = 1,
): Promise<string> {
  const tensors = modules.flatMap(([path, outputs, inputs], i) => {
    const rank = rankOf(path);
    const isTable = /(embed_tokens|wte)$/.test(path);
    const [a, b] = isTable ? ['lora_embedding_A', 'lora_embedding_B'] : ['lora_A.weight', 'lora_B.weight'];
    const scaled = (count: number, at: number, size: number): Float32Array<ArrayBuffer> =>
      randomValues(count, 100 * seed + at).map((value) => size * value);
    return [
      [`${path}.${a}`, [[rank, inputs], scaled(rank * inputs, 2 * i, 0.3)]],
      [`${path}.${b}`, [[outputs, rank], scaled(outputs * rank, 2 * i + 1, 0.05)]],
    ] as const;
  });
  return writePeft(folder, { r: 4, lora_alpha: 8, ...config }, Object.fromEntries(tensors));
}
