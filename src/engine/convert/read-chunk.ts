import { AppError } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { readFully, type FileSource } from '../file-source.ts';
import type { Native } from '../native.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { Chunk, Run } from './chunks.ts';

export type FloatType = 'F32' | 'F16' | 'BF16';

const elementBytes = { F32: 4, F16: 2, BF16: 2 } as const;

export const isFloatType = (type: string): type is FloatType => Object.hasOwn(elementBytes, type);

/** What reading asks of the addon. */
export type ReadKernels = Pick<Native, 'cast' | 'permuteRows' | 'transpose' | 'addOne'>;

export interface ReadTools {
  readonly kernels: ReadKernels;
  readonly pool: BufferPool;
  /** Values that are held at a time. */
  readonly chunkElements: number;
  /** The stored values of a run, in the type that its tensor says, in a buffer of the pool. */
  readonly readRun: (run: Run) => Promise<Uint8Array<ArrayBuffer>>;
}

/** Values in the order of the output, in a buffer of the pool. */
export interface ChunkValues {
  readonly type: FloatType;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Reads runs from the files themselves, by the plan's names. Throws `disk.*`. */
export const runsFromFiles =
  (sources: ReadonlyMap<string, FileSource>, pool: BufferPool) =>
  async ({ tensor, start, elements }: Run): Promise<Uint8Array<ArrayBuffer>> => {
    const source = sources.get(tensor.shard);
    if (source === undefined || !isFloatType(tensor.dtype)) throw new RangeError(`${tensor.name} cannot be read`);
    const bytesEach = elementBytes[tensor.dtype];
    const bytes = pool.take(elements * bytesEach);
    await onDisk(source.path, () => readFully(source.handle, bytes, tensor.offset + start * bytesEach));
    return bytes;
  };

/** The values of a chunk: in their stored type, or as F32 where they had to be computed. */
export async function readChunk(chunk: Chunk, tools: ReadTools): Promise<ChunkValues> {
  const { pool, kernels } = tools;
  if (chunk.kind === 'values') {
    const bytes = pool.take(chunk.values.byteLength);
    bytes.set(new Uint8Array(chunk.values.buffer, chunk.values.byteOffset, chunk.values.byteLength));
    return { type: 'F32', bytes };
  }
  const stored = chunk.runs[0]?.tensor.dtype ?? '';
  if (!isFloatType(stored)) throw new RangeError(`${stored} is not a float type`);
  const read = { type: stored, bytes: await readShuffled(chunk, elementBytes[stored], tools) };
  if (!chunk.addOne) return read;
  const shifted = await recast(read, 'F32', tools);
  await kernels.addOne(shifted.bytes);
  return shifted;
}

/** The same values in another type; a buffer that is no longer needed goes back to the pool. */
export async function recast(
  { type, bytes }: ChunkValues,
  to: FloatType,
  { kernels, pool }: Pick<ReadTools, 'kernels' | 'pool'>,
): Promise<ChunkValues> {
  if (type === to) return { type, bytes };
  const output = pool.take((bytes.byteLength / elementBytes[type]) * elementBytes[to]);
  await kernels.cast(type, bytes, to, output);
  pool.give(bytes);
  return { type: to, bytes: output };
}

/** The values of a chunk in the order of the output, in the type that they are stored in. */
async function readShuffled(
  { runs, shuffle, elements }: Extract<Chunk, { kind: 'stored' }>,
  bytesEach: 2 | 4,
  { kernels, pool, chunkElements, readRun }: ReadTools,
): Promise<Uint8Array<ArrayBuffer>> {
  const [run, ...others] = runs;
  if (run === undefined) throw new RangeError('a chunk without a source');
  switch (shuffle.kind) {
    case 'none':
      return readRun(run);
    case 'rows': {
      const read = pool.take(elements * bytesEach);
      let filled = 0;
      for (const part of [run, ...others]) {
        const bytes = await readRun(part);
        read.set(bytes, filled);
        filled += bytes.byteLength;
        pool.give(bytes);
      }
      const paired = pool.take(read.byteLength);
      const rows = elements / shuffle.rowElements;
      await kernels.permuteRows(read, paired, { rows, heads: rows / shuffle.headRows });
      pool.give(read);
      return paired;
    }
    case 'columns': {
      const { width, first, count } = shuffle;
      const height = run.elements / width;
      const output = pool.take(elements * bytesEach);
      const rowsAtOnce = Math.max(1, Math.floor(chunkElements / width));
      for (let firstRow = 0; firstRow < height; firstRow += rowsAtOnce) {
        const rows = Math.min(rowsAtOnce, height - firstRow);
        const band = await readRun({ ...run, start: firstRow * width, elements: rows * width });
        const turned = pool.take(band.byteLength);
        await kernels.transpose(band, turned, { rows, columns: width, elementBytes: bytesEach });
        // Each column of the band, now a row, is a part of a row of the output.
        const rowBytes = rows * bytesEach;
        for (let column = 0; column < count; column += 1) {
          const from = (first + column) * rowBytes;
          output.set(turned.subarray(from, from + rowBytes), (column * height + firstRow) * bytesEach);
        }
        pool.give(band);
        pool.give(turned);
      }
      return output;
    }
  }
}

/** Throws `disk.changed` where a file is no longer what it was when it was opened. */
export async function checkSources(sources: ReadonlyMap<string, FileSource>): Promise<void> {
  for (const { name, handle, sizeBytes, modifiedMs } of sources.values()) {
    const now = await handle.stat();
    if (now.size !== sizeBytes || now.mtimeMs !== modifiedMs) throw new AppError('disk.changed', { file: name });
  }
}
