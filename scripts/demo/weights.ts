import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { architectureOf, type TensorRule } from '#core/architectures/index.ts';
import type { DemoModel } from '#core/demo/model.ts';
import { planQuantization } from '#core/quantize/planner.ts';
import { planSafetensors } from '#core/safetensors/write.ts';
import type { Native } from '#engine/native.ts';
import type { Trainer } from '#engine/native-train.ts';
import { executeQuantization } from '#engine/quantize/execute.ts';
import { openQuantizable } from '#engine/quantize/open-model.ts';

/** A folder as a GGUF file of 32-bit floats. */
export async function toGguf(kernels: Native, folder: string, outputPath: string): Promise<void> {
  await using opened = await openQuantizable(folder, 'demo');
  const { sources, sourceFolder } = opened;
  const plan = planQuantization({ model: opened.model, target: 'F32', version: '0' });
  const [signal, progress] = [new AbortController().signal, (): void => undefined];
  await executeQuantization({ plan, sources, sourceFolder, outputPath, kernels, signal, progress });
}

/** Rows of each head from `[d/2, 2]` order back to `[2, d/2]`: what `permuteRows` did on the way to GGUF. */
function turnedBack(values: Float32Array, rows: number, heads: number): Float32Array<ArrayBuffer> {
  const columns = values.length / rows;
  const half = rows / heads / 2;
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const [head, place] = [Math.floor(row / (2 * half)), row % (2 * half)];
    const from = head * 2 * half + (place % half) * 2 + Math.floor(place / half);
    out.set(values.subarray(from * columns, (from + 1) * columns), row * columns);
  }
  return out;
}

/** The weights as they are trained, under transformers' names and in its order of rows. */
function trainedValues(trainer: Trainer, { gguf, shape, transform }: TensorRule): Float32Array<ArrayBuffer> {
  const found = trainer.tensors.find(({ name }) => name === gguf);
  if (found === undefined) throw new RangeError(`${gguf} was not trained`);
  const count = shape.reduce((product, side) => product * side, 1);
  const values = trainer.readState().parameters.slice(found.offset, found.offset + count);
  if (transform.kind === 'permuteRows') return turnedBack(values, shape[0] ?? 1, transform.heads);
  if (transform.kind !== 'none') throw new RangeError(`no way back for ${transform.kind}`);
  return values;
}

/** The trained model as a Hugging Face folder in 16-bit floats. */
export async function writeTrained(model: DemoModel, trainer: Trainer, folder: string): Promise<void> {
  const config = { ...model.config, dtype: 'float16', torch_dtype: 'float16' };
  const architecture = architectureOf(config);
  const byName = new Map(architecture.tensors(architecture.hyperparameters(config)).map((rule) => [rule.hf, rule]));
  const plan = planSafetensors(model.weights.tensors.map(({ name, shape }) => ({ name, dtype: 'F16' as const, shape })));
  const file = new Uint8Array(plan.totalBytes);
  file.set(plan.header);
  for (const { name, offset } of plan.tensors) {
    const rule = byName.get(name);
    if (rule === undefined) throw new RangeError(`a tensor without a rule: ${name}`);
    file.set(new Uint8Array(Float16Array.from(trainedValues(trainer, rule)).buffer), offset);
  }
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(model.files)) await writeFile(join(folder, name), text);
  const known =
    model.config['torch_dtype'] === undefined ? { ...model.config, dtype: 'float16' } : { ...model.config, torch_dtype: 'float16' };
  await writeFile(join(folder, 'config.json'), `${JSON.stringify(known, null, 2)}\n`);
  await writeFile(join(folder, 'model.safetensors'), file);
}
