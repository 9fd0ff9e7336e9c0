import type { ConversionPlan, ConvertedTensor } from '#core/convert/plan.ts';
import { AppError } from '#core/errors/index.ts';
import { readGguf } from '#core/gguf/read.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { openFileSource, readFully, type FileSource } from '../file-source.ts';
import type { CastCounts, Native } from '../native.ts';
import { OutputFile, partialPath } from '../output-file.ts';
import { BufferPool } from './buffer-pool.ts';
import { CHUNK_ELEMENTS, chunksOf, type Chunk, type Run } from './chunks.ts';

type FloatType = 'F32' | 'F16' | 'BF16';

/** What a conversion asks of the addon. */
export type Kernels = Pick<Native, 'cast' | 'permuteRows' | 'transpose' | 'addOne'>;

export interface ExecuteOptions {
  readonly plan: ConversionPlan;
  /** The weight files, by the plan's shard names. */
  readonly sources: ReadonlyMap<string, FileSource>;
  readonly outputPath: string;
  readonly kernels: Kernels;
  readonly signal: AbortSignal;
  /** Values that are read and cast at a time; a test makes it small. */
  readonly chunkElements?: number;
  /** Bytes of the output that are written, and the tensor that is next. */
  readonly progress: (doneBytes: number, tensor: string) => void;
}

const elementBytes = { F32: 4, F16: 2, BF16: 2 } as const;

/** Chunks under way at once: one being read, one or two being cast, one being written. */
const IN_FLIGHT = 4;

const isFloatType = (type: string): type is FloatType => Object.hasOwn(elementBytes, type);

/**
 * Carry a plan out: the file appears at `outputPath` when it is complete and checked. Memory is bounded by the chunks in
 * flight, whatever the size of the model. Cancelled or failed, nothing stays.
 * Throws `convert.*`, `disk.*`, and the signal's reason.
 */
export async function executePlan(options: ExecuteOptions): Promise<CastCounts> {
  const { plan, sources, outputPath, signal } = options;
  const file = await OutputFile.create(outputPath, plan.totalBytes);
  try {
    const counts = await writeAll(options, file);
    await file.flush();
    await checkSources(sources);
    await verify(plan, file);
    signal.throwIfAborted();
    await file.publish();
    return counts;
  } catch (error) {
    await file.discard();
    // A file that got shorter while it was read is one that was changed.
    if (error instanceof RangeError) await checkSources(sources);
    throw error;
  }
}

interface Part {
  readonly tensor: string;
  readonly bytes: Promise<Uint8Array<ArrayBuffer>>;
}

async function writeAll(
  { plan, sources, kernels, signal, progress, chunkElements }: ExecuteOptions,
  file: OutputFile,
): Promise<CastCounts> {
  const pool = new BufferPool();
  const counts = { nonFinite: 0, overflowed: 0 };
  const cast: Kernels['cast'] = async (...values) => {
    const met = await kernels.cast(...values);
    counts.nonFinite += met.nonFinite;
    counts.overflowed += met.overflowed;
    return met;
  };
  const tools = { sources, kernels: { ...kernels, cast }, pool, chunkElements: chunkElements ?? CHUNK_ELEMENTS };
  await file.append(plan.header);

  const underWay: Part[] = [];
  const finishFirst = async (): Promise<void> => {
    const part = underWay.shift();
    if (part === undefined) return;
    const bytes = await part.bytes;
    await file.append(bytes);
    pool.give(bytes);
    progress(file.sizeBytes, part.tensor);
  };
  try {
    for (const tensor of plan.tensors) {
      for (const chunk of chunksOf(tensor, chunkElements)) {
        signal.throwIfAborted();
        const bytes = make(chunk, tensor, tools);
        // Looked at when its turn comes; until then its failure is nobody's.
        bytes.catch(() => undefined);
        underWay.push({ tensor: tensor.name, bytes });
        if (underWay.length >= IN_FLIGHT) await finishFirst();
      }
      const padding = tensor.paddedBytes - tensor.sizeBytes;
      if (padding > 0) underWay.push({ tensor: tensor.name, bytes: Promise.resolve(pool.take(padding).fill(0)) });
    }
    while (underWay.length > 0) await finishFirst();
  } finally {
    // Nothing may still read from the files when they are closed.
    await Promise.allSettled(underWay.map((part) => part.bytes));
  }
  return counts;
}

interface Tools {
  readonly sources: ReadonlyMap<string, FileSource>;
  readonly kernels: Kernels;
  readonly pool: BufferPool;
  readonly chunkElements: number;
}

/** The bytes of a chunk as they stand in the output. */
async function make(chunk: Chunk, { type }: ConvertedTensor, tools: Tools): Promise<Uint8Array<ArrayBuffer>> {
  if (!isFloatType(type)) throw new RangeError(`${type} is not a float type`);
  const { kernels, pool } = tools;
  const recast = async (from: FloatType, input: Uint8Array<ArrayBuffer>, to: FloatType): Promise<Uint8Array<ArrayBuffer>> => {
    if (from === to) return input;
    const output = pool.take((input.byteLength / elementBytes[from]) * elementBytes[to]);
    await kernels.cast(from, input, to, output);
    pool.give(input);
    return output;
  };
  if (chunk.kind === 'values') {
    const bytes = pool.take(chunk.values.byteLength);
    bytes.set(new Uint8Array(chunk.values.buffer, chunk.values.byteOffset, chunk.values.byteLength));
    return recast('F32', bytes, type);
  }
  const stored = chunk.runs[0]?.tensor.dtype ?? '';
  if (!isFloatType(stored)) throw new RangeError(`${stored} is not a float type`);
  const read = await readShuffled(chunk, elementBytes[stored], tools);
  if (!chunk.addOne) return recast(stored, read, type);
  const bytes = await recast(stored, read, 'F32');
  await kernels.addOne(bytes);
  return recast('F32', bytes, type);
}

/** The values of a chunk in the order of the output, in the type that they are stored in. */
async function readShuffled(
  { runs, shuffle, elements }: Extract<Chunk, { kind: 'stored' }>,
  bytesEach: 2 | 4,
  { sources, kernels, pool, chunkElements }: Tools,
): Promise<Uint8Array<ArrayBuffer>> {
  const readRun = async ({ tensor, start, elements: count }: Run): Promise<Uint8Array<ArrayBuffer>> => {
    const source = sources.get(tensor.shard);
    if (source === undefined) throw new RangeError(`${tensor.shard} is not open`);
    const bytes = pool.take(count * bytesEach);
    await onDisk(source.path, () => readFully(source.handle, bytes, tensor.offset + start * bytesEach));
    return bytes;
  };
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
async function checkSources(sources: ReadonlyMap<string, FileSource>): Promise<void> {
  for (const { name, handle, sizeBytes, modifiedMs } of sources.values()) {
    const now = await handle.stat();
    if (now.size !== sizeBytes || now.mtimeMs !== modifiedMs) throw new AppError('disk.changed', { file: name });
  }
}

/** Read the file's header back and hold it against the plan. Throws `convert.verifyFailed`. */
async function verify(plan: ConversionPlan, { path }: OutputFile): Promise<void> {
  const fail = (problem: string): never => {
    throw new AppError('convert.verifyFailed', { path, problem });
  };
  await using source = await openFileSource(partialPath(path));
  if (source.sizeBytes !== plan.totalBytes) fail(`${source.sizeBytes} bytes in place of ${plan.totalBytes}`);
  const header = await readGguf(source).catch((error: unknown) => fail(error instanceof Error ? error.message : String(error)));
  if (header.tensors.length !== plan.tensors.length) fail(`${header.tensors.length} tensors in place of ${plan.tensors.length}`);
  for (const [index, planned] of plan.tensors.entries()) {
    const found = header.tensors[index];
    if (
      found?.name !== planned.name ||
      found.type !== planned.type ||
      found.offset !== planned.offset ||
      found.sizeBytes !== planned.sizeBytes
    )
      fail(`the tensor ${planned.name} is not where it should be`);
  }
}
