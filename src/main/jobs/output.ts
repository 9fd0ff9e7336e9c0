import type { Stats } from 'node:fs';
import { mkdir, readdir, readFile, rm, rmdir, stat, statfs } from 'node:fs/promises';
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

/** Throws `disk.*`. */
export const makeFolder = async (path: string): Promise<void> => void (await onDisk(path, () => mkdir(path, { recursive: true })));

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

/** Unit of `stat.blocks` on every system: POSIX says 512, and libuv follows it on Windows. */
const BLOCK_BYTES = 512;

/** A figure of all files at a path, or below it, added up. */
async function sumOf(path: string, figure: (found: Stats) => number): Promise<number> {
  const found = await onDisk(path, () => stat(path));
  if (!found.isDirectory()) return figure(found);
  const entries = await onDisk(path, () => readdir(path, { recursive: true, withFileTypes: true }));
  const figures = await Promise.all(
    entries.filter((entry) => entry.isFile()).map(async (entry) => figure(await stat(join(entry.parentPath, entry.name)))),
  );
  return figures.reduce((sum, next) => sum + next, 0);
}

/** Bytes of all files at a path, or below it. */
export const sizeOf = (path: string): Promise<number> => sumOf(path, ({ size }) => size);

/** Whether an interrupted run left finished tensors. The journal's first line says of what it is, each further one names a tensor. */
export async function hasFinishedTensors(path: string): Promise<boolean> {
  if (!(await exists(partialOf(path)))) return false;
  const journal = await readFile(journalOf(path), 'utf8').catch(() => '');
  return journal.split('\n').length > 2;
}

/** Bytes that an interrupted run has taken on the disk already: its files have their full lengths from the beginning, with holes. */
export const keptBytes = async (path: string): Promise<number> =>
  (await hasFinishedTensors(path)) ? sumOf(partialOf(path), ({ blocks }) => blocks * BLOCK_BYTES) : 0;

/** Remove what an interrupted run left. On Windows that waits until the engine has closed the files. */
export async function removePartial(path: string): Promise<void> {
  for (const left of [partialOf(path), journalOf(path)]) await rm(left, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

/**
 * How far a file's time may lie before the moment it was written, in ms: FAT counts in steps of two seconds, Linux takes the time
 * of the last clock tick (4 to 10 ms). What lay there before a run began is refused by that run's own check of its output.
 */
const FILE_TIME_STEP_MS = 2000;

/**
 * Bytes of what an interrupted run left under the result's own name: that name is given only to what is complete. Null where
 * there is nothing, or an empty folder. Throws `convert.outputExists` for what was there before the run.
 */
export async function publishedSince(path: string, sinceMs: number): Promise<number | null> {
  if (!(await exists(path))) return null;
  const found = await onDisk(path, () => stat(path));
  const sizeBytes = await sizeOf(path);
  if (found.isDirectory() && sizeBytes === 0) return null;
  if (found.mtimeMs < sinceMs - FILE_TIME_STEP_MS) throw new AppError('convert.outputExists', { path });
  return sizeBytes;
}
