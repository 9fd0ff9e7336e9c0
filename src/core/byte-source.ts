/**
 * Random access to bytes that may be far larger than memory: a file, a part of one, or an array in a test.
 * A reader checks every size against `sizeBytes` before it asks for anything.
 */
export interface ByteSource {
  /** What to call it in an error: a path or a file name. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Exactly `length` bytes from `offset`; rejects when the range is not inside the source. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** A source over bytes in memory, for small files and tests. */
export function memorySource(bytes: Uint8Array, name = 'memory'): ByteSource {
  return {
    name,
    sizeBytes: bytes.byteLength,
    read: async (offset, length) => {
      if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0 || offset + length > bytes.byteLength)
        throw new RangeError(`read of ${length} bytes at ${offset} outside ${name} (${bytes.byteLength} bytes)`);
      return bytes.subarray(offset, offset + length);
    },
  };
}
