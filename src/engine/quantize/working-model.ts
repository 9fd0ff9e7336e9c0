import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { onDisk } from '#core/errors/on-disk.ts';
import type { QuantizationPlan } from '#core/quantize/plan.ts';
import type { WorkKernels } from './carry-out.ts';
import type { ValueEdits } from './edit.ts';
import { executeQuantization } from './execute.ts';
import type { OpenedModel } from './open-model.ts';

/** A GGUF file of floats, or a folder, that is only there while it is needed. */
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
  /** Changes to the values; what is changed is not copied. */
  readonly edits?: ValueEdits | undefined;
  readonly threads?: number | undefined;
  readonly signal: AbortSignal;
  readonly progress: (doneBytes: number, totalBytes: number, tensor: string) => void;
}

const PREFIX = 'working-';

/** Write a model as a file that llama.cpp can run and that may be written to. Disposing removes it. Throws what executing throws. */
export async function makeWorkingModel({ opened, scratchFolder, ...options }: WorkingModelOptions): Promise<WorkingModel> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await workingFolder(scratchFolder));
  const path = join(folder.path, 'model.gguf');
  await executeQuantization({ ...options, sources: opened.sources, sourceFolder: opened.sourceFolder, outputPath: path });
  const owned = stack.move();
  return { path, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** A folder of this process's own below one that is made when it is not there. Disposing removes it with all that is in it. Throws `disk.*`. */
export async function workingFolder(scratchFolder: string): Promise<WorkingModel> {
  await onDisk(scratchFolder, () => mkdir(scratchFolder, { recursive: true }));
  await removeStale(scratchFolder);
  const path = await onDisk(scratchFolder, () => mkdtemp(join(scratchFolder, `${PREFIX}${process.pid}-`)));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
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
