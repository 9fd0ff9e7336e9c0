import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { MergeRequest } from '#core/lora/merge.ts';
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

/** ‖a − b‖ / ‖b‖. */
export function relativeDistance(left: ArrayLike<number>, right: ArrayLike<number>): number {
  let [error, norm] = [0, 0];
  for (let i = 0; i < right.length; i += 1) {
    error += ((left[i] ?? Number.NaN) - (right[i] ?? 0)) ** 2;
    norm += (right[i] ?? 0) ** 2;
  }
  return Math.sqrt(error / norm);
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
