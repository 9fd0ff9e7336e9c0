import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { onDisk } from '#core/errors/on-disk.ts';
import type { QuantizationPlan } from '#core/quantize/plan.ts';
import type { WorkKernels } from './carry-out.ts';
import { executeQuantization } from './execute.ts';
import type { OpenedModel } from './open-model.ts';

/** A GGUF file of floats that is only there while it is needed. */
export interface WorkingModel extends AsyncDisposable {
  readonly path: string;
}

export interface WorkingModelOptions {
  readonly opened: OpenedModel;
  /** Of `planWorkingModel`. */
  readonly plan: QuantizationPlan;
  /** It exists. */
  readonly scratchFolder: string;
  readonly kernels: WorkKernels;
  readonly threads?: number | undefined;
  readonly signal: AbortSignal;
  readonly progress: (doneBytes: number, totalBytes: number, tensor: string) => void;
}

const PREFIX = 'working-';

/** Write a model as a file that llama.cpp can run and that may be written to. Disposing removes it. Throws what executing throws. */
export async function makeWorkingModel({ opened, scratchFolder, ...options }: WorkingModelOptions): Promise<WorkingModel> {
  await removeStale(scratchFolder);
  const folder = await onDisk(scratchFolder, () => mkdtemp(join(scratchFolder, `${PREFIX}${process.pid}-`)));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const path = join(folder, 'model.gguf');
    await executeQuantization({ ...options, sources: opened.sources, sourceFolder: opened.sourceFolder, outputPath: path });
    return { path, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** What a process that is no more has left. */
async function removeStale(scratchFolder: string): Promise<void> {
  for (const name of await onDisk(scratchFolder, () => readdir(scratchFolder))) {
    const owner = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (owner !== undefined && !isRunning(Number(owner))) await rm(join(scratchFolder, name), { recursive: true, force: true });
  }
}

function isRunning(processId: number): boolean {
  try {
    return process.kill(processId, 0);
  } catch (error) {
    // It runs, but belongs to somebody else.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** The file of a model that is a GGUF file; of a split one its first part, which llama.cpp wants. */
export function ggufPath({ sources, sourceFolder }: OpenedModel): string {
  const [first] = sources.values();
  if (first === undefined || sourceFolder !== undefined) throw new RangeError('a folder is no GGUF file');
  return first.path;
}
