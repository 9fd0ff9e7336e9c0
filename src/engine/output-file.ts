import { link, open, rename, rm, stat, statfs, unlink, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';

/** What a file is called until it is complete. */
export const partialPath = (path: string): string => `${path}.partial`;

/** Written between two early syncs. */
const SYNC_BYTES = 32 * 1024 * 1024;

/**
 * A file that appears under its name only when it is complete: until then it is `<path>.partial`. Nothing that exists is
 * overwritten, but for what an earlier attempt left of the partial file.
 */
export class OutputFile {
  readonly path: string;
  private readonly handle: FileHandle;
  private position = 0;
  /** The sync under way, and where the file ended when it began. */
  private syncing: Promise<void> | undefined;
  private syncedBytes = 0;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.handle = handle;
  }

  /** Throws `convert.outputExists`, `disk.full` where there is not enough space for all of it, and other `disk.*`. */
  static async create(path: string, totalBytes: number): Promise<OutputFile> {
    await refuseExisting(path);
    return onDisk(path, async () => {
      const { bavail, bsize } = await statfs(dirname(path));
      if (bavail * bsize < totalBytes) throw new AppError('disk.full', { path });
      await rm(partialPath(path), { force: true });
      return new OutputFile(path, await open(partialPath(path), 'wx'));
    });
  }

  /** Bytes that were written. */
  get sizeBytes(): number {
    return this.position;
  }

  /** Append bytes; one write at a time. */
  async append(bytes: Uint8Array): Promise<void> {
    await onDisk(this.path, async () => {
      for (let done = 0; done < bytes.byteLength;) {
        const { bytesWritten } = await this.handle.write(bytes, done, bytes.byteLength - done, this.position);
        done += bytesWritten;
        this.position += bytesWritten;
      }
    });
    this.syncEarly();
  }

  /** Let the disk work while more is being made: what is left for `flush` to wait for is the end of the file only. */
  private syncEarly(): void {
    if (this.syncing !== undefined || this.position - this.syncedBytes < SYNC_BYTES) return;
    this.syncedBytes = this.position;
    this.syncing = this.handle
      .datasync()
      // The system reports a write that failed once more when the file is flushed.
      .catch(() => undefined)
      .finally(() => (this.syncing = undefined));
  }

  /** Bring everything to the disk itself and close the partial file, so that it can be read and checked. */
  async flush(): Promise<void> {
    await onDisk(this.path, async () => {
      await this.syncing;
      await this.handle.sync();
      await this.handle.close();
    });
  }

  /** Give the flushed file its name. Throws `convert.outputExists` where another one has come meanwhile. */
  async publish(): Promise<void> {
    await onDisk(this.path, async () => {
      try {
        // Unlike a rename, a link never takes the place of a file.
        await link(partialPath(this.path), this.path);
        await unlink(partialPath(this.path));
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'EEXIST')
          throw new AppError('convert.outputExists', { path: this.path });
        // Some file systems (exFAT, some network drives) have no links.
        await refuseExisting(this.path);
        await rename(partialPath(this.path), this.path);
      }
      await syncFolder(dirname(this.path));
    });
  }

  /** Remove what was written. Safe at any time before `publish`. */
  async discard(): Promise<void> {
    await this.syncing;
    await this.handle.close().catch(() => undefined);
    await rm(partialPath(this.path), { force: true });
  }
}

async function refuseExisting(path: string): Promise<void> {
  const found = await stat(path).then(
    () => true,
    () => false,
  );
  if (found) throw new AppError('convert.outputExists', { path });
}

/** The new name reaches the disk too. Windows cannot open a folder, and needs no such call. */
async function syncFolder(folder: string): Promise<void> {
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
