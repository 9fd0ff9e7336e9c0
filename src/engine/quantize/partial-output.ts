import { mkdir, open, rename, rm, statfs, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { readFully } from '../file-source.ts';
import { partialPath, publishFile, refuseExisting, syncFolder } from '../output-file.ts';
import { Journal, journalPath, type FinishedTensor } from './journal.ts';

/** A file of the output, to be written anywhere within; where nothing is written it holds zeros. */
export interface OutputFilePlan {
  /** Within the folder; of no meaning where the output is one file. */
  readonly name: string;
  readonly header: Uint8Array;
  readonly totalBytes: number;
}

export interface OutputOptions {
  readonly path: string;
  /** The output is a folder, of these files and what is added with `addFile`. */
  readonly isFolder: boolean;
  readonly files: readonly OutputFilePlan[];
  /** What the output will be, as a hash: another attempt goes on only where it is the same. Undefined: never go on. */
  readonly plan: string | undefined;
  /** Finished tensors reach the disk and the journal at most this late. Default: a second. */
  readonly syncMs?: number | undefined;
}

const SYNC_MS = 1000;

/** Without a journal: written between two early syncs. */
const SYNC_BYTES = 32 * 1024 * 1024;

/**
 * A model that appears under its name only when it is complete: until then it is `<path>.partial`, a file or a folder,
 * with its journal beside it. Nothing that exists is overwritten, but for what an earlier attempt left.
 */
export class PartialOutput {
  /** What an earlier attempt finished. */
  readonly finished: readonly FinishedTensor[];
  private readonly options: OutputOptions;
  private readonly handles: readonly FileHandle[];
  private readonly journal: Journal | undefined;
  private waiting: FinishedTensor[] = [];
  private syncing: Promise<void> | undefined;
  private syncedMs = performance.now();
  private unsyncedBytes = 0;
  private failure: unknown;
  private hasFinishedTensors: boolean;

  private constructor(
    options: OutputOptions,
    handles: readonly FileHandle[],
    journal: Journal | undefined,
    finished: readonly FinishedTensor[],
  ) {
    this.options = options;
    this.handles = handles;
    this.journal = journal;
    this.finished = finished;
    this.hasFinishedTensors = finished.length > 0;
  }

  /** Throws `convert.outputExists`, `disk.full` where there is not enough space for all of it, and other `disk.*`. */
  static async open(options: OutputOptions): Promise<PartialOutput> {
    const { path, plan } = options;
    await refuseExisting(path);
    return onDisk(path, async () => {
      const partial = partialPath(path);
      const resumed = plan === undefined ? null : await resume(options, plan);
      if (resumed !== null) return new PartialOutput(options, resumed.handles, resumed.journal, resumed.finished);
      await rm(partial, { force: true, recursive: true });
      await rm(journalPath(partial), { force: true });
      const needed = options.files.reduce((sum, { totalBytes }) => sum + totalBytes, 0);
      const { bavail, bsize } = await statfs(dirname(path));
      if (bavail * bsize < needed) throw new AppError('disk.full', { path });
      if (options.isFolder) await mkdir(partial);
      const handles: FileHandle[] = [];
      for (const file of options.files) {
        const handle = await open(filePath(options, file), 'wx+');
        handles.push(handle);
        await handle.truncate(file.totalBytes);
        await writeAll(handle, file.header, 0);
      }
      const journal = plan === undefined ? undefined : await Journal.create(journalPath(partial), plan);
      return new PartialOutput(options, handles, journal, []);
    });
  }

  /** Where the output is until it is complete. */
  get partial(): string {
    return partialPath(this.options.path);
  }

  /** Where each file is, in their order. */
  get paths(): readonly string[] {
    return this.options.files.map((file) => filePath(this.options, file));
  }

  async write(file: number, offset: number, bytes: Uint8Array): Promise<void> {
    await onDisk(this.options.path, async () => {
      if (this.failure !== undefined) throw this.failure;
      await writeAll(this.handle(file), bytes, offset);
    });
    this.unsyncedBytes += bytes.byteLength;
    if (this.journal === undefined && this.unsyncedBytes >= SYNC_BYTES) this.sync();
  }

  /** Bytes that were written. */
  async read(file: number, offset: number, count: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(count);
    await onDisk(this.options.path, () => readFully(this.handle(file), bytes, offset));
    return bytes;
  }

  /** All bytes of a tensor are written. Soon it will not have to be made again. */
  complete(tensor: FinishedTensor): void {
    this.waiting.push(tensor);
    if (this.journal !== undefined && performance.now() - this.syncedMs >= (this.options.syncMs ?? SYNC_MS)) this.sync();
  }

  /** Add a small file to the folder. */
  async addFile(name: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.partial, ...name.split('/'));
    await onDisk(path, async () => {
      await mkdir(dirname(path), { recursive: true });
      const handle = await open(path, 'w');
      try {
        await writeAll(handle, bytes, 0);
        await handle.sync();
      } finally {
        await handle.close();
      }
    });
  }

  /** Bring everything to the disk itself and close the files, so that they can be read and checked. */
  async flush(): Promise<void> {
    await onDisk(this.options.path, async () => {
      await this.syncing;
      if (this.failure !== undefined) throw this.failure;
      for (const handle of this.handles) {
        await handle.sync();
        await handle.close();
      }
      await this.journal?.append(this.waiting.splice(0));
      await this.journal?.close();
    });
  }

  /** Give the flushed output its name. Throws `convert.outputExists` where another one has come meanwhile. */
  async publish(): Promise<void> {
    const { path, isFolder } = this.options;
    await onDisk(path, async () => {
      if (isFolder) {
        await syncFolder(this.partial);
        await refuseExisting(path);
        await rename(this.partial, path);
        await syncFolder(dirname(path));
      } else await publishFile(path);
      await rm(journalPath(this.partial), { force: true });
    });
  }

  /** Stop here, and leave what is finished for another attempt; nothing is left where nothing is finished. */
  async leave(): Promise<void> {
    await this.syncing;
    if (this.failure === undefined && this.journal !== undefined && this.waiting.length > 0) {
      this.sync();
      await this.syncing;
    }
    if (this.journal === undefined || !this.hasFinishedTensors || this.failure !== undefined) return this.discard();
    await this.close();
  }

  /** Remove what was written. Safe at any time before `publish`. */
  async discard(): Promise<void> {
    await this.syncing;
    await this.close();
    await rm(this.partial, { force: true, recursive: true });
    await rm(journalPath(this.partial), { force: true });
  }

  private async close(): Promise<void> {
    for (const handle of this.handles) await handle.close().catch(() => undefined);
    await this.journal?.close().catch(() => undefined);
  }

  private handle(file: number): FileHandle {
    const handle = this.handles[file];
    if (handle === undefined) throw new RangeError(`the output has no file ${file}`);
    return handle;
  }

  /** Let the disk work while more is being made; then what is finished may be called so. */
  private sync(): void {
    if (this.syncing !== undefined) return;
    const finished = this.waiting.splice(0);
    this.unsyncedBytes = 0;
    this.syncing = (async () => {
      for (const handle of this.handles) await handle.datasync();
      await this.journal?.append(finished);
      if (finished.length > 0) this.hasFinishedTensors = true;
    })()
      .catch((error: unknown) => (this.failure ??= error))
      .then(() => {
        this.syncing = undefined;
        this.syncedMs = performance.now();
      });
  }
}

const filePath = ({ path, isFolder }: OutputOptions, { name }: OutputFilePlan): string =>
  isFolder ? join(partialPath(path), name) : partialPath(path);

/** The files of an earlier attempt at the same plan, where all of them are there in their full size. */
async function resume(options: OutputOptions, plan: string) {
  const found = await Journal.resume(journalPath(partialPath(options.path)), plan);
  if (found === null) return null;
  const handles: FileHandle[] = [];
  try {
    for (const file of options.files) {
      const handle = await open(filePath(options, file), 'r+');
      handles.push(handle);
      if ((await handle.stat()).size !== file.totalBytes) throw new RangeError('not the size that it should have');
    }
    return { ...found, handles };
  } catch {
    for (const handle of handles) await handle.close();
    await found.journal.close();
    return null;
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength;)
    done += (await handle.write(bytes, done, bytes.byteLength - done, offset + done)).bytesWritten;
}
