import { open } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { parquetMetadataAsync, parquetReadObjects, snappyUncompress, type AsyncBuffer, type Compressors } from 'hyparquet';
import { MiB } from '#core/bytes.ts';
import type { ParquetReply } from './parquet-text.ts';

/** The thread in which Parquet files are read: a file may claim anything, and the thread can be ended. */

/** Rows of a dataset that is held whole. */
const MAX_ROWS = 5_000_000;
/** Of all columns, decompressed, as the file says. */
const MAX_COLUMN_BYTES = 1024 * MiB;
/** Of one page: writers make them of about a mebibyte. */
const MAX_PAGE_BYTES = 256 * MiB;

const { path, maxTextBytes } = workerData as { readonly path: string; readonly maxTextBytes: number };

class TooLarge extends Error {}

const page = (size: number): number => {
  if (!(size >= 0 && size <= MAX_PAGE_BYTES)) throw new TooLarge(`a page of ${size} bytes`);
  return size;
};
const compressors: Compressors = {
  SNAPPY: (input, size) => {
    const output = new Uint8Array(page(size));
    snappyUncompress(input, output);
    return output;
  },
  GZIP: (input, size) => gunzipSync(input, { maxOutputLength: Math.max(1, page(size)) }),
  BROTLI: (input, size) => brotliDecompressSync(input, { maxOutputLength: Math.max(1, page(size)) }),
  ZSTD: (input, size) => zstdDecompressSync(input, { maxOutputLength: Math.max(1, page(size)) }),
};

/** What JSON has no word for: whole numbers of 64 bits, and bytes, which are no text. */
const plain = (_: string, value: unknown): unknown =>
  typeof value === 'bigint'
    ? Number.isSafeInteger(Number(value))
      ? Number(value)
      : String(value)
    : value instanceof Uint8Array
      ? null
      : value;

async function read(): Promise<string> {
  await using handle = await open(path);
  const { size: byteLength } = await handle.stat();
  const file: AsyncBuffer = {
    byteLength,
    slice: async (start, end = byteLength) => {
      if (!(start >= 0 && start <= end && end <= byteLength)) throw new RangeError(`bytes ${start} to ${end} lie outside the file`);
      const bytes = new Uint8Array(end - start);
      for (let at = 0; at < bytes.length;) {
        const { bytesRead } = await handle.read(bytes, at, bytes.length - at, start + at);
        if (bytesRead === 0) throw new RangeError('the file ends early');
        at += bytesRead;
      }
      return bytes.buffer;
    },
  };
  const metadata = await parquetMetadataAsync(file, { geoparquet: false });
  const groups = metadata.row_groups.map(({ num_rows, columns }) => ({
    rows: Number(num_rows),
    bytes: columns.reduce((sum, { meta_data }) => sum + Number(meta_data?.total_uncompressed_size ?? 0), 0),
  }));
  const rows = groups.reduce((sum, group) => sum + group.rows, 0);
  if (!(rows >= 0 && rows <= MAX_ROWS)) throw new TooLarge(`${rows} rows`);
  const columnBytes = groups.reduce((sum, group) => sum + group.bytes, 0);
  if (!(columnBytes >= 0 && columnBytes <= MAX_COLUMN_BYTES)) throw new TooLarge(`${columnBytes} bytes in columns`);
  const lines: string[] = [];
  let textBytes = 0;
  let rowStart = 0;
  for (const group of groups) {
    const rowEnd = rowStart + group.rows;
    for (const record of await parquetReadObjects({ file, metadata, rowStart, rowEnd, compressors, geoparquet: false })) {
      const line = JSON.stringify(record, plain);
      textBytes += Buffer.byteLength(line) + 1;
      if (textBytes > maxTextBytes) throw new TooLarge(`more than ${maxTextBytes} bytes of text`);
      lines.push(line);
    }
    rowStart = rowEnd;
  }
  return lines.join('\n');
}

const reply: ParquetReply = await read().then(
  (text) => ({ text }),
  (error: unknown) => ({
    problem: error instanceof Error ? error.message : String(error),
    isTooLarge: error instanceof TooLarge,
  }),
);
parentPort?.postMessage(reply);
