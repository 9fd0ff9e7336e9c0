import { readdir, stat, statfs } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { AppError } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import type { AppHandlers } from '#contract/index.ts';
import { exists, resolveUserPath } from '../library/paths.ts';

type Handlers = AppHandlers['system'];

/** More than a list on a screen can usefully show. */
const SHOWN_ENTRIES = 1000;

/** The space where a path is, or would be: of its nearest folder that exists. */
export async function diskSpace(written: string): Promise<Awaited<ReturnType<Handlers['disk']>>> {
  const path = resolveUserPath(written);
  let there = path;
  while (!(await exists(there)) && dirname(there) !== there) there = dirname(there);
  const { bavail, blocks, bsize } = await onDisk(there, () => statfs(there));
  return { path, freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

/** The entries of a folder, folders first, hidden ones last; an empty path is the user's own folder. Throws `disk.*`, `system.*`. */
export async function listFolder(written: string): Promise<Awaited<ReturnType<Handlers['listFolder']>>> {
  const path = written === '' ? homedir() : resolveUserPath(written);
  if (!(await onDisk(path, () => stat(path))).isDirectory()) throw new AppError('system.notAFolder', { path });
  const found = await onDisk(path, () => readdir(path, { withFileTypes: true }));
  const byName = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
  const isHidden = (name: string): boolean => name.startsWith('.');
  // What is a link says only `stat`, and a folder of a hundred thousand files is not asked about each of them.
  const kinds = await Promise.all(
    found.slice(0, SHOWN_ENTRIES * 4).map(async (entry) => {
      const whole = join(path, entry.name);
      const target = await stat(whole).catch(() => undefined);
      const isFolder = target?.isDirectory() ?? entry.isDirectory();
      return { name: entry.name.toWellFormed(), path: whole, isFolder, sizeBytes: target?.isFile() === true ? target.size : null };
    }),
  );
  const entries = kinds
    .sort(
      (left, right) =>
        Number(right.isFolder) - Number(left.isFolder) ||
        Number(isHidden(left.name)) - Number(isHidden(right.name)) ||
        byName.compare(left.name, right.name),
    )
    .slice(0, SHOWN_ENTRIES);
  const parent = dirname(path);
  return { path, parent: parent === path ? null : parent, entries, omitted: found.length - entries.length };
}
