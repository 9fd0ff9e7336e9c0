import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { readFile } from 'node:fs/promises';
import { memorySource } from '#core/byte-source.ts';
import { readGguf } from '#core/gguf/read.ts';
import { planQuantization, type QuantizationRequest } from '#core/quantize/planner.ts';
import type { QuantizationPlan } from '#core/quantize/plan.ts';
import { readSafetensors } from '#core/safetensors/read.ts';
import { executeQuantization, type Executed, type ExecuteOptions } from '#engine/quantize/execute.ts';
import { openQuantizable } from '#engine/quantize/open-model.ts';
import { loadNative } from '#engine/native.ts';

export const native = loadNative();

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'lathe quantize 量化 '));

export interface Quantized extends Executed {
  readonly plan: QuantizationPlan;
}

/** Open, plan and carry out, as the program does. */
export async function quantize(
  source: string,
  outputPath: string,
  target: QuantizationRequest['target'],
  request: Omit<Partial<QuantizationRequest>, 'model'> = {},
  options: Partial<ExecuteOptions> = {},
): Promise<Quantized> {
  await using opened = await openQuantizable(source, basename(source));
  const plan = planQuantization({ model: opened.model, target, version: '1.2.3', ...request });
  const { sources, sourceFolder } = opened;
  const signal = new AbortController().signal;
  const made = await executeQuantization({
    plan,
    sources,
    sourceFolder,
    outputPath,
    kernels: native,
    signal,
    progress: () => undefined,
    threads: 2,
    ...options,
  });
  return { ...made, plan };
}

/** A tensor of a file: its type, its shape (numpy order) and its bytes. */
export interface Stored {
  readonly type: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export async function tensorsOf(path: string): Promise<ReadonlyMap<string, Stored>> {
  const file = await readFile(path);
  const source = memorySource(file, path);
  const found = path.endsWith('.gguf')
    ? (await readGguf(source)).tensors.map(({ dimensions, ...tensor }) => ({ ...tensor, shape: dimensions.toReversed() }))
    : (await readSafetensors(source)).tensors.map(({ dtype, ...tensor }) => ({ ...tensor, type: dtype }));
  return new Map(
    found.map(({ name, type, shape, offset, sizeBytes }) => [
      name,
      { type, shape, bytes: new Uint8Array(file.subarray(offset, offset + sizeBytes)) },
    ]),
  );
}

export function tensor(tensors: ReadonlyMap<string, Stored>, name: string): Stored {
  const found = tensors.get(name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
}

/** The values of a GGUF tensor as F32, by ggml's own decoder. */
export async function valuesOf({ type, shape, bytes }: Stored): Promise<Float32Array<ArrayBuffer>> {
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  if (type === 'F32') values.set(new Float32Array(bytes.buffer));
  else await native.ggmlDequantize(bytes, type, shape.at(-1) ?? 1, values, 1);
  return values;
}
