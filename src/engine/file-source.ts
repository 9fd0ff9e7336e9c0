import { open, type FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import type { ByteSource } from '#core/byte-source.ts';
import { onDisk } from '#core/errors/on-disk.ts';

/** A file open for positional reads. Its size is that at opening: a file that shrinks meanwhile fails to be read. */
export interface FileSource extends ByteSource, AsyncDisposable {
  readonly path: string;
  readonly handle: FileHandle;
  readonly modifiedMs: number;
}

/** Open a file for reading. Throws `disk.*`. */
export async function openFileSource(path: string): Promise<FileSource> {
  const handle = await onDisk(path, () => open(path, 'r'));
  const { size: sizeBytes, mtimeMs: modifiedMs } = await handle.stat();
  return {
    path,
    name: basename(path),
    handle,
    sizeBytes,
    modifiedMs,
    read: async (offset, length) => {
      if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0 || offset + length > sizeBytes)
        throw new RangeError(`read of ${length} bytes at ${offset} outside ${path} (${sizeBytes} bytes)`);
      const bytes = new Uint8Array(length);
      await onDisk(path, () => readFully(handle, bytes, offset));
      return bytes;
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/** Fill `bytes` from `offset`; one read of the system may give less than was asked for. */
export async function readFully(handle: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  let filled = 0;
  while (filled < bytes.byteLength) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.byteLength - filled, offset + filled);
    if (bytesRead === 0) throw new RangeError(`the file ended at ${offset + filled}, ${bytes.byteLength - filled} bytes early`);
    filled += bytesRead;
  }
}
