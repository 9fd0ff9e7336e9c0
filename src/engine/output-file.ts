import { link, open, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '#core/errors/index.ts';

/** What a file or folder is called until it is complete. */
export const partialPath = (path: string): string => `${path}.partial`;

/**
 * Give a flushed partial file its name. Throws `convert.outputExists` where another one has come meanwhile.
 */
export async function publishFile(path: string): Promise<void> {
  try {
    // Unlike a rename, a link never takes the place of a file.
    await link(partialPath(path), path);
    await unlink(partialPath(path));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') throw new AppError('convert.outputExists', { path });
    // Some file systems (exFAT, some network drives) have no links.
    await refuseExisting(path);
    await rename(partialPath(path), path);
  }
  await syncFolder(dirname(path));
}

/** Throws `convert.outputExists`. */
export async function refuseExisting(path: string): Promise<void> {
  const found = await stat(path).then(
    () => true,
    () => false,
  );
  if (found) throw new AppError('convert.outputExists', { path });
}

/** New names in a folder reach the disk too. Windows cannot open a folder, and needs no such call. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch {
    // Not every file system has it; the file itself is safe.
  } finally {
    await handle.close();
  }
}
