import type { ValueSource } from '#core/convert/plan.ts';
import { AppError } from '#core/errors/index.ts';
import type { FileSource } from '../file-source.ts';
import type { NativeLora } from '../native-lora.ts';
import type { ValueEdit, ValuesAt } from '../quantize/edit.ts';
import type { OpenedModel } from '../quantize/open-model.ts';
import { valueEdits } from './edits.ts';
import { prepareMerge, type WeightedAdapter } from './merge.ts';
import { rowsOf, type RowKernels } from './model-rows.ts';

/** A tensor of a merged model, by its name in GGUF: where its values come from, and what is done to them. */
export interface MergedTensor {
  readonly name: string;
  /** Null for what belongs to no layer. */
  readonly layer: number | null;
  /** numpy order. */
  readonly shape: readonly number[];
  readonly base: ValueSource;
  /** Of the adapter, where that replaces the tensor as a whole; else that of the base. */
  readonly source: ValueSource;
  readonly edit: ValueEdit | undefined;
  readonly isChanged: boolean;
}

export interface MergedTools {
  readonly kernels: RowKernels & NativeLora;
  readonly threads: number;
  readonly signal: AbortSignal;
}

/** The values of a merge in float32 as they are computed, before any rounding: what a merged file is held against. */
export interface MergedTensors {
  readonly tensors: readonly MergedTensor[];
  /** Files of the model and of the adapters. */
  readonly sources: ReadonlyMap<string, FileSource>;
}

/** Plan the values. Throws what `prepareMerge` throws, and why a folder cannot be seen as GGUF shows it. */
export async function mergedTensors(
  base: OpenedModel,
  adapters: readonly WeightedAdapter[],
  version: string,
  { kernels, threads, signal }: MergedTools,
): Promise<MergedTensors> {
  const { gguf } = base.model;
  if ('code' in gguf) throw AppError.from(gguf);
  const { plan, edits, sources } = await prepareMerge(base, adapters, { target: 'F32', format: 'gguf', version }, signal);
  const before = new Map(gguf.tensors.map(({ name, source }) => [name, source]));
  const changes = valueEdits(edits, { kernels, sources, threads, signal }).of;
  const tensors = plan.tensors.map(({ name, layer, shape, source }): MergedTensor => {
    // An output matrix that parts from the embedding was the embedding.
    const own = before.get(name) ?? before.get('token_embd.weight') ?? source;
    const isReplaced = source.kind === 'stored' && !base.sources.has(source.tensor.shard);
    const edit = changes.get(name);
    return { name, layer, shape, base: isReplaced ? own : source, source, edit, isChanged: isReplaced || edit !== undefined };
  });
  return { tensors, sources };
}

/** Values before and after, equally many; valid until the next. */
export interface MergedChunk {
  readonly base: Float32Array<ArrayBuffer>;
  readonly expected: Float32Array<ArrayBuffer>;
}

/** A tensor's values, in chunks of whole rows. Throws `disk.*`. */
export async function* mergedValues(
  { shape, base, source, edit }: MergedTensor,
  sources: ReadonlyMap<string, FileSource>,
  { kernels, threads }: MergedTools,
): AsyncGenerator<MergedChunk> {
  const columns = shape.at(-1) ?? 1;
  const read = (from: ValueSource): AsyncGenerator<ValuesAt> => rowsOf(from, columns, { sources }, kernels, threads);
  const change = await edit?.open(() => read(source));
  const apply = async ({ first, values }: ValuesAt): Promise<Float32Array<ArrayBuffer>> => {
    if (change === undefined) return values;
    const changed = values.slice();
    await change({ first, values: changed });
    return changed;
  };
  if (base === source) {
    for await (const chunk of read(source)) yield { base: chunk.values, expected: await apply(chunk) };
    return;
  }
  const before = read(base);
  for await (const chunk of read(source)) {
    const own = await before.next();
    if (own.done === true || own.value.values.length !== chunk.values.length)
      throw new RangeError('a replaced tensor is read in other steps than its replacement');
    yield { base: own.value.values, expected: await apply(chunk) };
  }
}
