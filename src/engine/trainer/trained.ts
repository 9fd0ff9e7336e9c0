import { AppError } from '#core/errors/index.ts';
import { fileTypes } from '#core/gguf/file-types.ts';
import type { GgufHeader } from '#core/gguf/header.ts';
import { u32 } from '#core/gguf/values.ts';
import { planGguf } from '#core/gguf/write.ts';
import type { AdapterBase } from '#core/lora/base.ts';
import { reordered } from '#core/lora/factors.ts';
import type { MadeAdapter, MadeModule, MadeTensor } from '#core/lora/made.ts';
import { initialA, type LoraModule } from '#core/training/modules.ts';
import type { TrainingSettings } from '#core/training/settings.ts';
import { openFileSource } from '../file-source.ts';
import type { Trainer, TrainerState, TrainerTensor } from '../native-train.ts';
import { PartialOutput } from '../quantize/partial-output.ts';
import { verifyWeights } from '../quantize/verify.ts';
import { bytesOf } from '../quantize/views.ts';

/** Between the trainer's flat arrays and adapters or models. */

const sizeOf = ({ shape }: TrainerTensor): number => shape.reduce((product, each) => product * each, 1);

const partOf = (parameters: Float32Array, tensor: TrainerTensor): Float32Array<ArrayBuffer> =>
  new Float32Array(parameters.subarray(tensor.offset, tensor.offset + sizeOf(tensor)));

/** The values that a run begins with, on top of what the trainer has: A drawn by the seed, or both halves of an adapter. */
export function beginWith(
  trainer: Trainer,
  modules: readonly LoraModule[],
  settings: TrainingSettings,
  adapter: ReadonlyMap<string, MadeModule> | null,
): void {
  const state = trainer.readState();
  const places = new Map(trainer.tensors.map((tensor) => [tensor.name, tensor]));
  const put = (name: string, values: Float32Array): void => {
    const place = places.get(name);
    if (place === undefined || sizeOf(place) !== values.length) throw new RangeError(`${name} is not as the trainer has it`);
    state.parameters.set(values, place.offset);
  };
  for (const module of modules) {
    const made = adapter?.get(module.tensor);
    if (made === undefined) put(`${module.tensor}.lora_a`, initialA(module, settings.init_lora_weights, settings.seed));
    else {
      const { heads } = made.base;
      put(`${module.tensor}.lora_a`, made.a);
      put(`${module.tensor}.lora_b`, heads === undefined ? made.b : reordered(made.b, made.outputs, { heads, to: 'pairs' }));
    }
  }
  trainer.writeState(state);
}

/** An adapter's modules as a run goes on with them. Throws `train.badSetting` for what the trainer has no place for. */
export function modulesOfAdapter(adapter: MadeAdapter): { readonly modules: LoraModule[]; readonly values: Map<string, MadeModule> } {
  const [replaced] = adapter.replaced;
  const odd = adapter.modules.find(({ kind }) => kind !== 'linear')?.base.gguf ?? replaced?.base.gguf;
  if (odd !== undefined)
    throw new AppError('train.badSetting', { setting: 'adapter', value: odd, expected: 'changes of linear layers alone' });
  return {
    modules: adapter.modules.map(({ base: { gguf }, rank, scale, inputs, outputs }) => ({ tensor: gguf, rank, scale, inputs, outputs })),
    values: new Map(adapter.modules.map((module) => [module.base.gguf, module])),
  };
}

/** Whether whole tensors are those that Hugging Face has: folders may have rows that GGUF leaves out. Throws `train.badSetting`. */
export function checkSaved(base: AdapterBase, whole: readonly string[], { tensors }: Pick<Trainer, 'tensors'>): void {
  for (const tensor of tensors.filter(({ name }) => whole.includes(name))) {
    const rows = base.byGguf.get(tensor.name)?.shape[0];
    if (rows !== tensor.shape[1])
      throw new AppError('train.badSetting', {
        setting: 'modules_to_save',
        value: tensor.name,
        expected: `left out: the folder has ${rows} rows of it`,
      });
  }
}

/** What was trained, as an adapter in Hugging Face's order of rows. Throws `model.*`. */
export function adapterOf(
  base: AdapterBase,
  baseName: string,
  trainer: Pick<Trainer, 'tensors'>,
  { modules, whole }: { readonly modules: readonly LoraModule[]; readonly whole: readonly string[] },
  { parameters }: Pick<TrainerState, 'parameters'>,
): MadeAdapter {
  const places = new Map(trainer.tensors.map((tensor) => [tensor.name, tensor]));
  const values = (name: string): Float32Array<ArrayBuffer> | undefined => {
    const place = places.get(name);
    return place === undefined ? undefined : partOf(parameters, place);
  };
  const made = modules.map(({ tensor, rank, scale, inputs, outputs }): MadeModule => {
    const own = base.byGguf.get(tensor);
    const [a, b, magnitude] = ['lora_a', 'lora_b', 'lora_magnitude'].map((half) => values(`${tensor}.${half}`));
    if (own === undefined || a === undefined || b === undefined) throw new RangeError(`${tensor} was not trained`);
    const { heads } = own;
    const inOrder = (rows: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> =>
      heads === undefined ? rows : reordered(rows, outputs, { heads, to: 'halves' });
    return {
      base: own,
      kind: 'linear',
      rank,
      inputs,
      outputs,
      scale,
      a,
      b: inOrder(b),
      magnitude: magnitude === undefined ? undefined : inOrder(magnitude),
    };
  });
  const replaced = whole.map((name): MadeTensor => {
    const own = base.byGguf.get(name);
    const saved = values(name);
    if (own === undefined || saved === undefined) throw new RangeError(`${name} was not trained`);
    return { base: own, values: saved };
  });
  // The trainer has one matrix where the model has one.
  return { base, baseName, modules: made, replaced, changesTiedPair: replaced.length > 0 && base.tiedHead !== undefined };
}

/**
 * A model of which all weights were trained, as a GGUF file in float32: the base's metadata, its tokenizer and template with it.
 * @returns its size. Throws `convert.*`, `disk.*`.
 */
export async function writeTrainedModel(
  { header, modelPath }: { readonly header: GgufHeader; readonly modelPath: string },
  trainer: Pick<Trainer, 'tensors'>,
  { parameters }: Pick<TrainerState, 'parameters'>,
  path: string,
): Promise<number> {
  const places = new Map(trainer.tensors.map((tensor) => [tensor.name, tensor]));
  const metadata = new Map(header.metadata).set('general.file_type', u32(fileTypes.F32));
  const plan = planGguf({
    metadata,
    tensors: header.tensors.map(({ name, dimensions, type }) => ({ name, dimensions, type: places.has(name) ? 'F32' : type })),
  });
  await using source = await openFileSource(modelPath);
  const kept = new Map(header.tensors.map((tensor) => [tensor.name, tensor]));
  const output = await PartialOutput.open({
    path,
    isFolder: false,
    files: [{ name: '', header: plan.header, totalBytes: plan.totalBytes }],
    plan: undefined,
  });
  try {
    for (const { name, offset } of plan.tensors) {
      const place = places.get(name);
      const own = kept.get(name);
      if (place !== undefined) await output.write(0, offset, bytesOf(partOf(parameters, place)));
      else if (own !== undefined) await output.write(0, offset, await source.read(own.offset, own.sizeBytes));
    }
    await output.flush();
    await verifyWeights(output.paths[0] ?? '', { format: 'gguf', totalBytes: plan.totalBytes, tensors: plan.tensors });
    await output.publish();
  } catch (error) {
    await output.discard();
    throw error;
  }
  return plan.totalBytes;
}
