import { createHash } from 'node:crypto';
import type { ConversionPlan, ConvertedTensor } from '#core/convert/plan.ts';
import { AppError } from '#core/errors/index.ts';
import { readGguf } from '#core/gguf/read.ts';
import { onDisk } from '../disk-error.ts';
import { openFileSource, readFully, type FileSource } from '../file-source.ts';
import { OutputFile, partialPath } from '../output-file.ts';
import { BufferPool } from './buffer-pool.ts';
import { CHUNK_ELEMENTS, chunksOf, type Chunk } from './chunks.ts';
import { pairRows, pickColumns } from './shuffle.ts';

export type FloatType = 'F32' | 'F16' | 'BF16';

/** What a cast met that a user should hear of. */
export interface CastCounts {
  /** Infinities and NaNs among the input. */
  readonly nonFinite: number;
  /** Numbers that the target type cannot hold, and that became infinite. */
  readonly overflowed: number;
}

/** Cast values from one float type to another, away from the event loop. */
export type Cast = (from: FloatType, input: Uint8Array, to: FloatType, output: Uint8Array) => Promise<CastCounts>;

export interface ExecuteOptions {
  readonly plan: ConversionPlan;
  /** The weight files, by the plan's shard names. */
  readonly sources: ReadonlyMap<string, FileSource>;
  readonly outputPath: string;
  readonly cast: Cast;
  readonly signal: AbortSignal;
  /** Values that are read and cast at a time; a test makes it small. */
  readonly chunkElements?: number;
  /** Bytes of the output that are written, and the tensor that is next. */
  readonly progress: (doneBytes: number, tensor: string) => void;
}

export interface Written extends CastCounts {
  readonly sizeBytes: number;
  readonly sha256: string;
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
export async function executePlan(options: ExecuteOptions): Promise<Written> {
  const { plan, sources, outputPath, signal } = options;
  const file = await OutputFile.create(outputPath, plan.totalBytes);
  try {
    const written = await writeAll(options, file);
    await file.flush();
    await checkSources(sources);
    await verify(plan, file);
    signal.throwIfAborted();
    await file.publish();
    return { sizeBytes: plan.totalBytes, ...written };
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
  { plan, sources, cast, signal, progress, chunkElements }: ExecuteOptions,
  file: OutputFile,
): Promise<Omit<Written, 'sizeBytes'>> {
  const pool = new BufferPool();
  const counts = { nonFinite: 0, overflowed: 0 };
  const counting: Cast = async (...values) => {
    const met = await cast(...values);
    counts.nonFinite += met.nonFinite;
    counts.overflowed += met.overflowed;
    return met;
  };
  const tools = { sources, cast: counting, pool, chunkElements: chunkElements ?? CHUNK_ELEMENTS };
  const hash = createHash('sha256');
  const append = async (bytes: Uint8Array): Promise<void> => {
    const writing = file.append(bytes);
    // Meanwhile: the write runs on another thread.
    hash.update(bytes);
    await writing;
  };
  await append(plan.header);

  const underWay: Part[] = [];
  const finishFirst = async (): Promise<void> => {
    const part = underWay.shift();
    if (part === undefined) return;
    const bytes = await part.bytes;
    await append(bytes);
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
  return { sha256: hash.digest('hex'), ...counts };
}

interface Tools {
  readonly sources: ReadonlyMap<string, FileSource>;
  readonly cast: Cast;
  readonly pool: BufferPool;
  readonly chunkElements: number;
}

/** The bytes of a chunk as they stand in the output. */
async function make(chunk: Chunk, { type }: ConvertedTensor, tools: Tools): Promise<Uint8Array<ArrayBuffer>> {
  if (!isFloatType(type)) throw new RangeError(`${type} is not a float type`);
  const { cast, pool } = tools;
  const recast = async (from: FloatType, input: Uint8Array<ArrayBuffer>, to: FloatType): Promise<Uint8Array<ArrayBuffer>> => {
    if (from === to) return input;
    const output = pool.take((input.byteLength / elementBytes[from]) * elementBytes[to]);
    await cast(from, input, to, output);
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
  const values = new Float32Array(bytes.buffer, 0, chunk.elements);
  for (let index = 0; index < values.length; index += 1) values[index] = (values[index] ?? 0) + 1;
  return recast('F32', bytes, type);
}

/** The values of a chunk in the order of the output, in the type that they are stored in. */
async function readShuffled(
  { runs, shuffle, elements }: Extract<Chunk, { kind: 'stored' }>,
  bytesEach: 2 | 4,
  { sources, pool, chunkElements }: Tools,
): Promise<Uint8Array<ArrayBuffer>> {
  const readRun = async ({ tensor, start }: (typeof runs)[number], into: Uint8Array): Promise<void> => {
    const source = sources.get(tensor.shard);
    if (source === undefined) throw new RangeError(`${tensor.shard} is not open`);
    await onDisk(source.path, () => readFully(source.handle, into, tensor.offset + start * bytesEach));
  };
  const output = pool.take(elements * bytesEach);
  if (shuffle.kind === 'columns') {
    const words = (bytes: Uint8Array): Uint16Array | Uint32Array =>
      bytesEach === 2
        ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2)
        : new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    const [run] = runs;
    if (run === undefined) return output;
    const height = run.elements / shuffle.width;
    const rowsAtOnce = Math.max(1, Math.floor(chunkElements / shuffle.width));
    for (let firstRow = 0; firstRow < height; firstRow += rowsAtOnce) {
      const band = Math.min(rowsAtOnce, height - firstRow) * shuffle.width;
      const bytes = pool.take(band * bytesEach);
      await readRun({ ...run, start: firstRow * shuffle.width }, bytes);
      pickColumns(words(bytes), words(output), shuffle, { firstRow, height });
      pool.give(bytes);
    }
    return output;
  }
  let filled = 0;
  for (const run of runs) {
    const bytes = run.elements * bytesEach;
    await readRun(run, output.subarray(filled, filled + bytes));
    filled += bytes;
  }
  if (shuffle.kind === 'none') return output;
  const paired = pool.take(output.byteLength);
  pairRows(output, paired, shuffle.headRows, shuffle.rowElements * bytesEach);
  pool.give(output);
  return paired;
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
