import { availableParallelism } from 'node:os';
import type { ConversionPlan } from '#core/convert/plan.ts';
import { dimensionsToShape } from '#core/gguf/types.ts';
import type { FileSource } from '../file-source.ts';
import type { CastCounts } from '../native.ts';
import { Work, type WorkItem, type WorkKernels } from '../quantize/carry-out.ts';
import { PartialOutput } from '../quantize/partial-output.ts';
import { verifyWeights } from '../quantize/verify.ts';
import { checkSources, isFloatType } from './read-chunk.ts';

export interface ExecuteOptions {
  readonly plan: ConversionPlan;
  /** The weight files, by the plan's shard names. */
  readonly sources: ReadonlyMap<string, FileSource>;
  readonly outputPath: string;
  readonly kernels: WorkKernels;
  readonly signal: AbortSignal;
  /** Values that are read and cast at a time; a test makes it small. */
  readonly chunkElements?: number;
  /** Bytes of the file that are done, and the tensor that was last. */
  readonly progress: (doneBytes: number, tensor: string) => void;
}

/**
 * Carry a plan out: the file appears at `outputPath` when it is complete and checked. Memory is bounded by the chunks in
 * flight, whatever the size of the model. Cancelled or failed, nothing stays.
 * Throws `convert.*`, `disk.*`, and the signal's reason.
 */
export async function executePlan(options: ExecuteOptions): Promise<CastCounts> {
  const { plan, sources, outputPath, signal, progress } = options;
  const { header, totalBytes, tensors } = plan;
  const output = await PartialOutput.open({
    path: outputPath,
    isFolder: false,
    files: [{ name: '', header, totalBytes }],
    plan: undefined,
  });
  try {
    // The header is written already, and so are the zeros between the tensors.
    const around = tensors.reduce((left, { sizeBytes }) => left - sizeBytes, totalBytes);
    const told = (doneBytes: number, tensor: string): void => progress(around + doneBytes, tensor);
    const work = new Work({ ...options, output, threads: availableParallelism(), progress: told });
    const finished = await work.make(tensors.map(workItem));
    await output.flush();
    await checkSources(sources);
    await verifyWeights(output.partial, { format: 'gguf', totalBytes, tensors });
    signal.throwIfAborted();
    await output.publish();
    return {
      nonFinite: finished.reduce((sum, { nonFinite }) => sum + nonFinite, 0),
      overflowed: finished.reduce((sum, { overflowed }) => sum + overflowed, 0),
    };
  } catch (error) {
    await output.discard();
    // A file that got shorter while it was read is one that was changed.
    if (error instanceof RangeError) await checkSources(sources);
    throw error;
  }
}

function workItem({ name, type, dimensions, source, offset, sizeBytes }: ConversionPlan['tensors'][number]): WorkItem {
  if (!isFloatType(type)) throw new RangeError(`${type} is not a float type`);
  return {
    name,
    shape: dimensionsToShape(dimensions),
    source,
    encoder: { kind: 'cast', type },
    places: { codes: { file: 0, offset, sizeBytes } },
  };
}
