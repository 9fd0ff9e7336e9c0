import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MiB } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { openFileSource, readFully } from '../file-source.ts';
import type { TensorHandlers } from './context.ts';
import { withProgress } from './progress.ts';

/** Read at a time; hashing it blocks the event loop for about 5 ms. */
const BLOCK_BYTES = 8 * MiB;

/**
 * sha256 of a file, in hex. The next block is read while one is hashed. `progress` gets the bytes that were hashed since
 * the last call. Throws `disk.*`, and the signal's reason.
 */
export async function hashFile(path: string, signal: AbortSignal, progress: (bytes: number) => void): Promise<string> {
  await using source = await openFileSource(path);
  const hash = createHash('sha256');
  let next = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, source.sizeBytes));
  let current = Buffer.allocUnsafe(next.byteLength);
  const read = async (into: Buffer, offset: number): Promise<Buffer> => {
    const block = into.subarray(0, Math.min(into.byteLength, source.sizeBytes - offset));
    await onDisk(path, () => readFully(source.handle, block, offset)).catch((error: unknown) => {
      throw error instanceof RangeError ? new AppError('disk.changed', { file: source.name }) : error;
    });
    return block;
  };
  let reading = read(next, 0);
  for (let offset = 0; offset < source.sizeBytes; offset += BLOCK_BYTES) {
    const block = await reading;
    [current, next] = [next, current];
    if (offset + BLOCK_BYTES < source.sizeBytes) {
      reading = read(next, offset + BLOCK_BYTES);
      // Looked at in the next round; until then its failure is nobody's.
      reading.catch(() => undefined);
    }
    hash.update(block);
    progress(block.byteLength);
    if (signal.aborted) {
      await reading.catch(() => undefined);
      signal.throwIfAborted();
    }
  }
  await reading;
  return hash.digest('hex');
}

export const hashHandler =
  (): TensorHandlers['hash'] =>
  ({ folder, files }, { signal }) =>
    withProgress(async (tell) => {
      const sizes = await Promise.all(files.map(async (name) => (await onDisk(name, () => stat(join(folder, name)))).size));
      const total = sizes.reduce((sum, sizeBytes) => sum + sizeBytes, 0);
      let amount = 0;
      const hashes = [];
      for (const name of files) {
        const report = (bytes: number): void => {
          amount += bytes;
          tell({ phase: 'hash.reading', detail: name, amount, total, unit: 'bytes' });
        };
        hashes.push({ name, sha256: await hashFile(join(folder, name), signal, report) });
      }
      return { type: 'finished' as const, files: hashes };
    });
