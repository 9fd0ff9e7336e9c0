import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { memorySource, type ByteSource } from '#core/byte-source.ts';

/** A file of the tests, in memory. `path` is relative to this folder, or absolute. */
export function fileSource(path: string): ByteSource {
  return memorySource(readTestFile(path), basename(path));
}

export function readTestFile(path: string): Uint8Array {
  return new Uint8Array(readFileSync(path.startsWith('/') ? path : fileURLToPath(new URL(path, import.meta.url))));
}

/** A source that counts what is asked of it. */
export interface CountingSource extends ByteSource {
  readonly readBytes: number;
}

/** A huge file that begins with `head` and is zero from there on, as a sparse file would be: it takes no memory. */
export function sparseSource(head: Uint8Array, sizeBytes: number, name = 'sparse'): CountingSource {
  let readBytes = 0;
  return {
    name,
    sizeBytes,
    get readBytes() {
      return readBytes;
    },
    read: async (offset, length) => {
      if (offset < 0 || offset + length > sizeBytes) throw new RangeError(`read of ${length} at ${offset} outside ${name}`);
      readBytes += length;
      const bytes = new Uint8Array(length);
      if (offset < head.byteLength) bytes.set(head.subarray(offset, Math.min(head.byteLength, offset + length)));
      return bytes;
    },
  };
}

/** The bytes at the start of a file, for a plan whose data does not matter: the data is zero. */
export function zeroFilled(header: Uint8Array, totalBytes: number): Uint8Array {
  const bytes = new Uint8Array(totalBytes);
  bytes.set(header);
  return bytes;
}

/** Random numbers from 0 to 1 that are the same in every run (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
