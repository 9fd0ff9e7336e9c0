import { floatDtypes } from '#core/convert/sources.ts';
import type { ValueSource } from '#core/convert/plan.ts';
import { elementCount } from '#core/element-count.ts';
import { AppError } from '#core/errors/index.ts';
import type { GgufCandidate } from '#core/quantize/model.ts';
import { BufferPool } from '../convert/buffer-pool.ts';
import { CHUNK_ELEMENTS, chunksOf } from '../convert/chunks.ts';
import { readChunk, recast, runsFromFiles, type ReadTools } from '../convert/read-chunk.ts';
import type { Native } from '../native.ts';
import { openPacked, runMultiple, type DecodeKernels } from './decode.ts';
import type { TensorError } from './execute.ts';
import type { OpenedModel } from './open-model.ts';
import { floats } from './views.ts';

export interface CompareWeightsOptions {
  readonly source: OpenedModel;
  readonly variant: OpenedModel;
  readonly kernels: DecodeKernels & Pick<Native, 'permuteRows' | 'transpose' | 'addOne' | 'relativeError'>;
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly progress: (doneTensors: number, totalTensors: number, tensor: string) => void;
}

/**
 * How far the tensors of a variant are from those of its source, worst first: of every tensor that both have in one shape.
 * Folders are seen as GGUF shows them, and everything is decoded to float32, piece by piece. Throws why a folder cannot
 * be seen so, `disk.*`, and the signal's reason.
 */
export async function compareWeights(options: CompareWeightsOptions): Promise<readonly TensorError[]> {
  const { source, variant, kernels, threads, signal, progress } = options;
  const originals = new Map(tensorsOf(source).map((tensor) => [tensor.name, tensor]));
  const pairs = tensorsOf(variant).flatMap((tensor) => {
    const original = originals.get(tensor.name);
    const isSame = original !== undefined && sameShape(original, tensor) && isFloat(original.source) && isFloat(tensor.source);
    return isSame ? [{ original, tensor }] : [];
  });
  const errors: TensorError[] = [];
  for (const [done, { original, tensor }] of pairs.entries()) {
    progress(done, pairs.length, tensor.name);
    const tools = { pool: new BufferPool(), kernels, threads };
    const [left, right] = [pieces(original.source, source, tools), pieces(tensor.source, variant, tools)];
    const sum = { error: 0, norm: 0 };
    for await (const [before, after] of inStep(left, right)) {
      signal.throwIfAborted();
      const { error, norm } = await kernels.relativeError(before, after, threads);
      sum.error += error;
      sum.norm += norm;
    }
    const relativeError = sum.norm === 0 ? 0 : Math.sqrt(sum.error / sum.norm);
    errors.push({ name: tensor.name, to: tensor.from, relativeError });
  }
  progress(pairs.length, pairs.length, '');
  return errors.toSorted((left, right) => right.relativeError - left.relativeError);
}

function tensorsOf({ model: { gguf } }: OpenedModel): readonly GgufCandidate[] {
  if ('code' in gguf) throw AppError.from(gguf);
  return gguf.tensors;
}

/** Tables of a format's own (frequencies, indices) are no weights. */
const isFloat = (source: ValueSource): boolean =>
  source.kind === 'stored' && (source.tensor.packed !== undefined || floatDtypes.has(source.tensor.dtype));

const sameShape = (left: GgufCandidate, right: GgufCandidate): boolean =>
  elementCount(left.dimensions) === elementCount(right.dimensions) && left.dimensions[0] === right.dimensions[0];

interface PieceTools {
  readonly pool: BufferPool;
  readonly kernels: CompareWeightsOptions['kernels'];
  readonly threads: number;
}

/** A tensor as float32, in buffers of the pool. */
async function* pieces(
  source: ValueSource,
  { sources }: OpenedModel,
  { pool, kernels, threads }: PieceTools,
): AsyncGenerator<Float32Array<ArrayBuffer>> {
  const packed =
    source.kind === 'stored' && source.tensor.packed !== undefined
      ? await openPacked(source.tensor, { kernels, sources, pool, threads })
      : undefined;
  const tools: ReadTools = { kernels, pool, chunkElements: CHUNK_ELEMENTS, readRun: packed ?? runsFromFiles(sources, pool) };
  for (const chunk of chunksOf(source, CHUNK_ELEMENTS, runMultiple(source))) {
    const { bytes } = await recast(await readChunk(chunk, tools), 'F32', tools);
    yield floats(bytes);
    pool.give(bytes);
  }
}

/** What both tell of, as far as each goes at a time: they are cut differently where a format has another order of rows. */
async function* inStep(
  left: AsyncGenerator<Float32Array<ArrayBuffer>>,
  right: AsyncGenerator<Float32Array<ArrayBuffer>>,
): AsyncGenerator<readonly [Float32Array, Float32Array]> {
  let [first, second] = [new Float32Array(), new Float32Array()];
  for (;;) {
    if (first.length === 0) first = (await left.next()).value ?? first;
    if (second.length === 0) second = (await right.next()).value ?? second;
    const count = Math.min(first.length, second.length);
    if (count === 0) return;
    yield [first.subarray(0, count), second.subarray(0, count)];
    first = first.subarray(count);
    second = second.subarray(count);
  }
}
