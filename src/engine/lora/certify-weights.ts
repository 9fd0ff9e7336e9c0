import type { ValueSource } from '#core/convert/plan.ts';
import { elementCount } from '#core/element-count.ts';
import { AppError } from '#core/errors/index.ts';
import { ggmlTypes } from '#core/gguf/types.ts';
import type { MeasuredTensor } from '#core/lora/verdict.ts';
import type { FileSource } from '../file-source.ts';
import type { ChangeSums } from '../native-lora.ts';
import type { Native } from '../native.ts';
import type { OpenedModel } from '../quantize/open-model.ts';
import { bytesOf } from '../quantize/views.ts';
import { mergedValues, type MergedChunk, type MergedTensor, type MergedTensors, type MergedTools } from './merged-values.ts';
import { rowsOf } from './model-rows.ts';

export interface CertifyTools extends MergedTools {
  readonly kernels: MergedTools['kernels'] & Pick<Native, 'ggmlQuantize' | 'changeSums'>;
  readonly progress: (doneTensors: number, totalTensors: number, tensor: string) => void;
}

export interface CertifiedWeights {
  readonly tensors: readonly MeasuredTensor[];
  /** Weights that only one of the two has. */
  readonly otherTensors: readonly string[];
}

/**
 * Hold every tensor of a merged model against base and adapters, value by value; folders are seen as GGUF shows them.
 * Throws why a folder cannot be seen so, `disk.*`, and the signal's reason.
 */
export async function certifyWeights(expected: MergedTensors, merged: OpenedModel, tools: CertifyTools): Promise<CertifiedWeights> {
  const { gguf } = merged.model;
  if ('code' in gguf) throw AppError.from(gguf);
  const found = new Map(gguf.tensors.map((tensor) => [tensor.name, tensor]));
  const wanted = new Set(expected.tensors.map(({ name }) => name));
  const otherTensors = gguf.tensors.filter(({ name }) => !wanted.has(name)).map(({ name }) => name);
  const tensors: MeasuredTensor[] = [];
  for (const [done, tensor] of expected.tensors.entries()) {
    tools.progress(done, expected.tensors.length, tensor.name);
    const own = found.get(tensor.name);
    const columns = tensor.shape.at(-1) ?? 1;
    if (own === undefined || own.dimensions[0] !== columns || elementCount(own.dimensions) !== elementCount(tensor.shape))
      otherTensors.push(tensor.name);
    else tensors.push(await measure(tensor, own.source, expected.sources, merged, tools));
  }
  tools.progress(expected.tensors.length, expected.tensors.length, '');
  return { tensors, otherTensors };
}

async function measure(
  tensor: MergedTensor,
  actual: ValueSource,
  sources: ReadonlyMap<string, FileSource>,
  merged: OpenedModel,
  tools: CertifyTools,
): Promise<MeasuredTensor> {
  const { kernels, threads, signal } = tools;
  const columns = tensor.shape.at(-1) ?? 1;
  const sum = { error: 0, norm: 0, change: 0, base: 0, overlap: 0 };
  let rounded: ChangeSums | undefined;
  const values = rowsOf(actual, columns, merged, kernels, threads);
  for await (const { base, expected, own } of inStep(mergedValues(tensor, sources, tools), values)) {
    signal.throwIfAborted();
    const sums = await kernels.changeSums(base, expected, own, threads);
    for (const key of ['error', 'norm', 'change', 'base', 'overlap'] as const) sum[key] += sums[key];
    // What the type costs is the same all over a tensor: its first rows tell.
    rounded ??= await kernels.changeSums(base, expected, await roundedLike(actual, expected, columns, tools), threads);
  }
  const { error = 0, norm = 0, change = 0, overlap = 0 } = rounded ?? {};
  return {
    name: tensor.name,
    count: elementCount(tensor.shape),
    ...sum,
    rounding: knownRounding(actual) ?? (norm === 0 ? 0 : Math.sqrt(error / norm)),
    roundedStrength: change === 0 ? 1 : overlap / change,
  };
}

/** Relative errors of types that cannot be made here at once: the upper end of what transformer weights showed. */
function knownRounding(source: ValueSource): number | undefined {
  const packed = source.kind === 'stored' ? source.tensor.packed : undefined;
  switch (packed?.kind) {
    case 'int8':
    case 'int8ZeroPoint':
      return 0.03;
    case 'fourBit':
      return 0.15;
    case 'gptq':
      return { 8: 0.02, 4: 0.2, 3: 0.4, 2: 0.8 }[packed.bits];
    default:
      return undefined;
  }
}

/** Values as they are when they have been stored in the type of a tensor. */
async function roundedLike(
  source: ValueSource,
  values: Float32Array<ArrayBuffer>,
  columns: number,
  { kernels, threads, signal }: CertifyTools,
): Promise<Float32Array> {
  if (source.kind !== 'stored') return values;
  const { packed, dtype } = source.tensor;
  const rounded = new Float32Array(values.length);
  if (packed?.kind === 'ggml') {
    const { blockSize, bytesPerBlock } = ggmlTypes[packed.type];
    const codes = new Uint8Array((values.length / blockSize) * bytesPerBlock);
    // The coarsest are made with an importance matrix only; here all columns count alike.
    const importance = /^IQ[12]_/.test(packed.type) ? new Float32Array(columns).fill(1) : undefined;
    await kernels.ggmlQuantize(values, packed.type, columns, codes, { threads, signal, importance });
    await kernels.ggmlDequantize(codes, packed.type, columns, rounded, threads);
    return rounded;
  }
  if (packed !== undefined || (dtype !== 'F16' && dtype !== 'BF16')) return values;
  const short = new Uint8Array(2 * values.length);
  await kernels.cast('F32', bytesOf(values), dtype, short);
  await kernels.cast(dtype, short, 'F32', bytesOf(rounded));
  return rounded;
}

/** What both tell of, as far as each goes at a time: they are cut differently where one is packed. */
async function* inStep(
  left: AsyncGenerator<MergedChunk>,
  right: AsyncGenerator<{ readonly values: Float32Array<ArrayBuffer> }>,
): AsyncGenerator<MergedChunk & { readonly own: Float32Array<ArrayBuffer> }> {
  const empty = new Float32Array();
  let [base, expected, own] = [empty, empty, empty];
  for (;;) {
    if (base.length === 0) ({ base, expected } = (await left.next()).value ?? { base, expected });
    if (own.length === 0) own = (await right.next()).value?.values ?? own;
    const count = Math.min(base.length, own.length);
    if (count === 0) return;
    yield { base: base.subarray(0, count), expected: expected.subarray(0, count), own: own.subarray(0, count) };
    [base, expected, own] = [base.subarray(count), expected.subarray(count), own.subarray(count)];
  }
}
