import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Model } from '#contract/library.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import type { ModelFile } from '../db/models.ts';
import type { Host } from '../host.ts';
import { folderOf } from './inspect.ts';

/** What comes with a model folder and is nothing without it: documents, and what git, huggingface_hub and macOS leave. */
const EXTRA = /^((readme|license|licence|notice|copying|use_policy)(\.\w+)?|\.gitattributes|\.gitignore|\.cache|\.DS_Store)$/i;

/**
 * What of the disk belongs to a model and to nothing else: its folder, where everything in it is the model's, else its files.
 * A link is taken away itself; what it leads to stays.
 */
export async function ownPaths(model: Pick<Model, 'kind' | 'path' | 'origin'>, files: readonly ModelFile[]): Promise<string[]> {
  const folder = folderOf(model);
  const hasFolder = model.path === folder || model.origin === 'copy';
  const paths = hasFolder && (await holdsNothingElse(folder, files)) ? [folder] : files.map(({ name }) => join(folder, name));
  const present = await Promise.all(paths.map(isThere));
  return paths.filter((_, index) => present[index]);
}

async function holdsNothingElse(folder: string, files: readonly ModelFile[]): Promise<boolean> {
  const own = new Set(files.map(({ name }) => name));
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries.every((entry) => {
      const below = join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/');
      const [top = ''] = below.split('/', 1);
      // A folder is as good as what is in it.
      return own.has(below) || EXTRA.test(top) || entry.isDirectory();
    });
  } catch {
    return false;
  }
}

/** Move paths into the trash, or delete them for good. Throws `host.noTrash`, `disk.*`; what was not reached stays. */
export async function removePaths(paths: readonly string[], how: 'trash' | 'delete', host: Pick<Host, 'trash'>): Promise<void> {
  for (const path of paths) {
    if (how === 'trash') await host.trash(path);
    else await onDisk(path, () => rm(path, { recursive: true }));
  }
}

/** Also a link to nothing is there. */
const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );
