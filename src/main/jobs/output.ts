import { readdir, readFile, rm, rmdir, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { exists } from '../library/paths.ts';

/** What a job writes, and what the engine leaves of it when it is interrupted: `PATH.partial`, and the journal beside it. */

const partialOf = (path: string): string => `${path}.partial`;
const journalOf = (path: string): string => `${partialOf(path)}.journal`;

export interface OutputContext {
  /** An interrupted run of the same job may have finished it. */
  readonly again: boolean;
  /** Whether another unfinished job is going to write it. */
  readonly isTaken: boolean;
}

/** Throws what stands in the way of a new file: `jobs.outputName`, `jobs.outputTaken`, `convert.outputExists`, `disk.*`, `system.*`. */
export async function checkOutputFile(path: string, endings: readonly string[], { again, isTaken }: OutputContext): Promise<void> {
  if (!endings.some((ending) => path.endsWith(ending))) throw new AppError('jobs.outputName', { path, ending: endings.join(' / ') });
  await checkParent(path);
  if (!again && (await exists(path))) throw new AppError('convert.outputExists', { path });
  if (isTaken) throw new AppError('jobs.outputTaken', { path });
}

/** As `checkOutputFile`, for a folder: an empty one may be there. Throws `jobs.outputNotEmpty`. */
export async function checkOutputFolder(path: string, { again, isTaken }: OutputContext): Promise<void> {
  await checkParent(path);
  if (!again && (await exists(path))) {
    if (!(await onDisk(path, () => stat(path))).isDirectory()) throw new AppError('convert.outputExists', { path });
    if ((await onDisk(path, () => readdir(path))).length > 0) throw new AppError('jobs.outputNotEmpty', { path });
  }
  if (isTaken) throw new AppError('jobs.outputTaken', { path });
}

async function checkParent(path: string): Promise<void> {
  const folder = dirname(path);
  if (!(await onDisk(folder, () => stat(folder))).isDirectory()) throw new AppError('system.notAFolder', { path: folder });
}

/** Take an empty folder away, so that the finished one can get its name; one with something in it stays. */
export const removeEmptyFolder = (path: string): Promise<void> => rmdir(path).catch(() => undefined);

export interface SpaceNeed {
  /** A folder that exists. */
  readonly folder: string;
  readonly needBytes: number;
}

/** Throws `disk.tooSmall` where what is needed on one disk, all together, is more than is free. */
export async function checkSpace(needs: readonly SpaceNeed[]): Promise<void> {
  const disks = new Map<number, SpaceNeed>();
  for (const { folder, needBytes } of needs) {
    const { dev } = await onDisk(folder, () => stat(folder));
    const known = disks.get(dev);
    disks.set(dev, { folder: known?.folder ?? folder, needBytes: needBytes + (known?.needBytes ?? 0) });
  }
  for (const { folder, needBytes } of disks.values()) {
    const { bavail, bsize } = await onDisk(folder, () => statfs(folder));
    if (bavail * bsize < needBytes) throw new AppError('disk.tooSmall', { path: folder, needBytes, freeBytes: bavail * bsize });
  }
}

/** Bytes of all files at a path, or below it. */
export async function sizeOf(path: string): Promise<number> {
  const found = await onDisk(path, () => stat(path));
  if (!found.isDirectory()) return found.size;
  const entries = await onDisk(path, () => readdir(path, { recursive: true, withFileTypes: true }));
  const sizes = await Promise.all(
    entries.filter((entry) => entry.isFile()).map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Whether an interrupted run left finished tensors. The journal's first line says of what it is, each further one names a tensor. */
export async function hasFinishedTensors(path: string): Promise<boolean> {
  if (!(await exists(partialOf(path)))) return false;
  const journal = await readFile(journalOf(path), 'utf8').catch(() => '');
  return journal.split('\n').length > 2;
}

/** Bytes that an interrupted run has taken on the disk already. */
export const keptBytes = async (path: string): Promise<number> => ((await hasFinishedTensors(path)) ? sizeOf(partialOf(path)) : 0);

/** Remove what an interrupted run left. */
export async function removePartial(path: string): Promise<void> {
  await rm(partialOf(path), { recursive: true, force: true });
  await rm(journalOf(path), { force: true });
}
