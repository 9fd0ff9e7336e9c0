import { constants } from 'node:fs';
import { copyFile, mkdir, open, rename, rm, stat, statfs, utimes } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MiB } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { readFolder, type FolderFile } from './folder.ts';
import { folderOf, type FoundModel } from './inspect.ts';
import { fileNameOf, freePath, withoutLinks } from './paths.ts';

/** Read and written at a time: large enough for a disk's full speed, small enough to notice a cancel at once. */
const BLOCK_BYTES = 4 * MiB;

/** What says under which terms a model may be used goes with it. */
const DOCUMENT = /^(readme|license|licence|notice|copying|use_policy)/i;

export interface CopyProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/**
 * Copy a model into a folder of its own below `into`. The folder has its name only when everything is in it; until then it is
 * `NAME.partial`, which is removed when the copy fails or is left. Returns the copy.
 * Throws `disk.*`, `library.copyMismatch`, and what the signal does.
 */
export async function* copyModel(model: FoundModel, into: string, signal: AbortSignal): AsyncGenerator<CopyProgress, FoundModel> {
  await onDisk(into, () => mkdir(into, { recursive: true }));
  const target = await freePath(into, fileNameOf(model.name));
  const partial = `${target}.partial`;
  const files = [...model.files, ...(await documents(model))];
  const totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const { bavail, bsize } = await onDisk(into, () => statfs(into));
  if (bavail * bsize < totalBytes) throw new AppError('disk.tooSmall', { path: into, needBytes: totalBytes, freeBytes: bavail * bsize });
  let doneBytes = 0;
  try {
    await onDisk(partial, () => mkdir(partial));
    for (const { name, sizeBytes } of files) {
      const to = join(partial, name);
      await onDisk(to, () => mkdir(dirname(to), { recursive: true }));
      for await (const copied of copyOne(join(model.folder, name), to, signal)) {
        doneBytes += copied;
        yield { doneBytes, totalBytes: Math.max(totalBytes, doneBytes) };
      }
      const { size: foundBytes } = await onDisk(to, () => stat(to));
      if (foundBytes !== sizeBytes) throw new AppError('library.copyMismatch', { file: name, foundBytes, expectedBytes: sizeBytes });
    }
    await onDisk(target, () => rename(partial, target));
  } finally {
    // Also where the reader left in the middle; after the rename there is nothing to remove.
    await rm(partial, { recursive: true, force: true });
  }
  const path = folderOf(model) === model.path ? target : join(target, basename(model.path));
  const copied: FolderFile[] = [];
  for (const file of model.files) copied.push({ ...file, modifiedMs: (await stat(join(target, file.name))).mtimeMs });
  return { ...model, path, realPath: await withoutLinks(path), folder: target, files: copied };
}

async function documents({ folder, path, kind }: FoundModel): Promise<FolderFile[]> {
  // Beside a GGUF file may lie anything.
  if (folderOf({ kind, path }) !== path) return [];
  return (await readFolder(folder)).files.filter(({ name }) => DOCUMENT.test(name));
}

/** Copy one file and bring it to the disk. Yields the bytes of each block. */
async function* copyOne(from: string, to: string, signal: AbortSignal): AsyncGenerator<number> {
  const { size, atime, mtime } = await onDisk(from, () => stat(from));
  if (await clone(from, to)) yield size;
  else {
    await using source = await onDisk(from, () => open(from, 'r'));
    await using target = await onDisk(to, () => open(to, 'wx'));
    const block = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, Math.max(1, size)));
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await onDisk(from, () => source.read(block, 0, block.byteLength));
      if (bytesRead === 0) break;
      await onDisk(to, () => target.writeFile(block.subarray(0, bytesRead)));
      yield bytesRead;
    }
    await onDisk(to, () => target.sync());
  }
  await onDisk(to, () => utimes(to, atime, mtime));
}

/** On file systems that can (APFS, btrfs, XFS, ReFS) a copy shares its blocks with the original until one of them changes. */
async function clone(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    await rm(to, { force: true });
    return false;
  }
}
