import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import type { Model } from '#contract/library.ts';
import type { ModelFile } from '../db/models.ts';
import type { Engines } from '../engines/index.ts';
import type { WorkReport } from '../jobs/runner.ts';
import { folderOf } from './inspect.ts';

/** What a model's content is: of each file, and of the whole. */
export interface ContentHash {
  readonly sha256: string;
  readonly byFile: ReadonlyMap<string, string>;
}

/**
 * The hash of a whole model: a single file's own, so that it can be compared with a published one. Of several files it is the
 * sha256 of what `sha256sum` prints for them, sorted by name.
 */
export function wholeHash(byFile: ReadonlyMap<string, string>): string {
  const sorted = [...byFile].sort(([left], [right]) => (left < right ? -1 : 1));
  const [only] = sorted;
  if (only !== undefined && sorted.length === 1) return only[1];
  return createHash('sha256')
    .update(sorted.map(([name, sha256]) => `${sha256}  ${name}\n`).join(''))
    .digest('hex');
}

/** Hash a model's files in the tensor engine. Throws `disk.*`, `engine.*`, and `library.fileChanged` where a file changed meanwhile. */
export async function hashContent(
  engines: Pick<Engines, 'tensor'>,
  model: Pick<Model, 'kind' | 'path'>,
  files: readonly Pick<ModelFile, 'name'>[],
  { signal, progress }: { readonly signal: AbortSignal; readonly progress?: (progress: WorkReport) => void },
): Promise<ContentHash> {
  const folder = folderOf(model);
  const { tensor } = await engines.tensor();
  const before = await stamps(folder, files);
  for await (const event of tensor.hash({ folder, files: files.map(({ name }) => name) }, { signal })) {
    if (event.type === 'progress') progress?.(event);
    else {
      const after = await stamps(folder, files);
      const changed = files.find((_, index) => before[index] !== after[index]);
      if (changed !== undefined) throw new AppError('library.fileChanged', { file: changed.name });
      const byFile = new Map(event.files.map(({ name, sha256 }) => [name, sha256]));
      return { sha256: wholeHash(byFile), byFile };
    }
  }
  throw new AppError('request.cancelled', {});
}

const stamps = (folder: string, files: readonly Pick<ModelFile, 'name'>[]): Promise<string[]> =>
  Promise.all(
    files.map(async ({ name }) => {
      const { size, mtimeMs } = await onDisk(name, () => stat(join(folder, name)));
      return `${size} ${mtimeMs}`;
    }),
  );
