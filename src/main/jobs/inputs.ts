import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { AppError } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import type { Model } from '#contract/library.ts';
import type { Engines } from '../engines/index.ts';
import type { JobContext, WorkProgress } from './runner.ts';

/** Throws where a path leads to no file that can be read as a whole: `disk.*`, `library.notRegularFile`. */
export async function checkFile(path: string): Promise<void> {
  if (!(await onDisk(path, () => stat(path))).isFile()) throw new AppError('library.notRegularFile', { path });
}

/** Throws `jobs.needsModel` for what cannot run by itself. */
export function checkIsModel({ kind, name }: Pick<Model, 'kind' | 'name'>): void {
  if (kind === 'peft-adapter' || kind === 'gguf-adapter') throw new AppError('jobs.needsModel', { name });
}

type Finished = { readonly type: 'finished' };

/** Follow a work of the engine to its last event, which is returned. */
export async function followWork<E extends Finished>(
  events: AsyncIterable<WorkProgress | E>,
  progress: (progress: WorkProgress) => void,
): Promise<E> {
  for await (const event of events) {
    if (event.type === 'finished') return event;
    progress(event);
  }
  throw new AppError('request.cancelled', {});
}

/** The sha256 of one file. */
export async function hashOfFile(
  engines: Pick<Engines, 'tensor'>,
  path: string,
  { signal, progress }: Pick<JobContext, 'signal' | 'progress'>,
): Promise<string> {
  const { tensor } = await engines.tensor();
  const { files } = await followWork(tensor.hash({ folder: dirname(path), files: [basename(path)] }, { signal }), progress);
  const [file] = files;
  if (file === undefined) throw new AppError('disk.missing', { path });
  return file.sha256;
}
