import { open, readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { ByteSource } from '#core/byte-source.ts';
import { MiB } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';

/** An open file, for reading headers. Dispose it to close the file. */
export interface FileSource extends ByteSource, AsyncDisposable {}

/** Open a file for reading. Throws `disk.*`, and `library.notRegularFile` for a folder, a pipe or a device. */
export async function openFile(path: string): Promise<FileSource> {
  const found = await onDisk(path, () => stat(path));
  // Opening a pipe would wait for its writer.
  if (!found.isFile()) throw new AppError('library.notRegularFile', { path });
  const handle = await onDisk(path, () => open(path, 'r'));
  const { size: sizeBytes } = await handle.stat();
  return {
    name: basename(path),
    sizeBytes,
    read: async (offset, length) => {
      if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0 || offset + length > sizeBytes)
        throw new RangeError(`read of ${length} bytes at ${offset} outside ${path} (${sizeBytes} bytes)`);
      const bytes = new Uint8Array(length);
      for (let filled = 0; filled < length;) {
        const { bytesRead } = await onDisk(path, () => handle.read(bytes, filled, length - filled, offset + filled));
        if (bytesRead === 0) throw new AppError('library.fileChanged', { file: basename(path) });
        filled += bytesRead;
      }
      return bytes;
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/** config.json of the largest models takes some hundred KiB, the index of a sharded one 10 MiB, a tokenizer.json 33 MB. */
const MAX_SMALL_FILE_BYTES = 64 * MiB;

/** The text of a file that cannot be large. Throws `library.fileTooLarge` before it is read, and `disk.*`. */
export async function readSmallText(path: string): Promise<string> {
  const { size: foundBytes } = await onDisk(path, () => stat(path));
  if (foundBytes > MAX_SMALL_FILE_BYTES)
    throw new AppError('library.fileTooLarge', { file: basename(path), foundBytes, limitBytes: MAX_SMALL_FILE_BYTES });
  return onDisk(path, () => readFile(path, 'utf8'));
}

/** The first bytes of a text file; empty where it cannot be read. */
export async function readTextHead(path: string, lengthBytes: number): Promise<string> {
  try {
    await using source = await openFile(path);
    return new TextDecoder().decode(await source.read(0, Math.min(lengthBytes, source.sizeBytes)));
  } catch {
    return '';
  }
}

/** A JSON file's value. Throws `convert.invalidJson`, `library.fileTooLarge`, `disk.*`. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readSmallText(path);
  try {
    return JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text) as unknown;
  } catch (error) {
    throw new AppError('convert.invalidJson', { file: basename(path) }, error instanceof Error ? error.message : undefined);
  }
}
