import type { ValueSource } from '#core/convert/plan.ts';
import { elementCount } from '#core/element-count.ts';
import { AppError } from '#core/errors/index.ts';
import type { Encoder } from '#core/quantize/encoder.ts';
import { importanceOf, type Imatrix } from '#core/quantize/imatrix.ts';
import type { Place } from '#core/quantize/plan.ts';
import type { SourceTensor } from '#core/quantize/packed.ts';
import { BufferPool } from '../convert/buffer-pool.ts';
import { CHUNK_ELEMENTS, chunksOf, type Chunk, type Run } from '../convert/chunks.ts';
import { readChunk, recast, runsFromFiles, type ReadTools } from '../convert/read-chunk.ts';
import type { FileSource } from '../file-source.ts';
import type { Calibration } from './calibration.ts';
import { openPacked, readPart, runMultiple, type DecodeKernels, type DecodeTools } from './decode.ts';
import { createEncoder, type ChunkToEncode, type EncodeKernels, type EncodeTools, type Piece } from './encode.ts';
import { openEdit, type EditChunk, type ValueEdits } from './edit.ts';
import { encodeGptq, repackGptq, type GptqKernels } from './gptq.ts';
import type { FinishedTensor } from './journal.ts';
import type { PartialOutput } from './partial-output.ts';
import { floats } from './views.ts';

/** One tensor of the output. */
export interface WorkItem {
  readonly name: string;
  /** numpy order, as encoded. */
  readonly shape: readonly number[];
  readonly source: ValueSource;
  readonly encoder: Encoder;
  readonly places: Readonly<Record<string, Place>>;
}

/** What making tensors asks of the addon. */
export type WorkKernels = EncodeKernels & DecodeKernels & GptqKernels;

export interface WorkOptions {
  readonly kernels: WorkKernels;
  readonly sources: ReadonlyMap<string, FileSource>;
  readonly output: PartialOutput;
  readonly imatrix?: Imatrix | undefined;
  readonly calibration?: Calibration | undefined;
  readonly edits?: ValueEdits | undefined;
  /** Of the kernels that share their work out. */
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly chunkElements?: number | undefined;
  /** Bytes of the tensors that are written, and the tensor that was last. */
  readonly progress: (doneBytes: number, tensor: string) => void;
}

/** What has begun; a promise alone would be waited for by whoever waits for its beginning. */
interface Begun<T> {
  readonly done: Promise<T>;
}

/** Chunks under way at once: one being read, two being encoded, one being written. */
const IN_FLIGHT = 4;

/** Chunks that are encoded at once, each by a part of the threads: where one waits for its slowest thread, the other goes on. */
const ENCODED_AT_ONCE = 2;

/**
 * Makes the tensors of an output one after another, in memory that does not grow with them. Several chunks are under way
 * at once, also of different tensors; those that GPTQ handles as a whole are alone.
 */
export class Work {
  private readonly options: WorkOptions;
  private readonly pool = new BufferPool();
  private readonly chunkElements: number;
  /** What is under way: chunks, and ends of tensors that wait for them. */
  private readonly underWay = new Set<Promise<unknown>>();
  /** The chunks among it. */
  private readonly jobs = new Set<Promise<unknown>>();
  private failure: { readonly error: unknown } | undefined;
  private doneBytes = 0;
  /** The kernels that share their work out among threads. */
  private readonly encoding = new Set<Promise<unknown>>();

  constructor(options: WorkOptions) {
    this.options = options;
    this.chunkElements = options.chunkElements ?? CHUNK_ELEMENTS;
  }

  /** Throws the first error of any tensor, which is named in it. Nothing is under way afterwards. */
  async make(items: readonly WorkItem[]): Promise<readonly FinishedTensor[]> {
    const results: Promise<FinishedTensor>[] = [];
    try {
      for (const item of items) {
        this.options.signal.throwIfAborted();
        results.push((await this.begin(item)).done);
        if (this.failure !== undefined) throw this.failure.error;
      }
      return await Promise.all(results);
    } finally {
      // Nothing may still read from the files, or write, when they are closed.
      while (this.underWay.size > 0) await Promise.allSettled(this.underWay);
    }
  }

  /** Begin a tensor, as soon as there is room for it. */
  private async begin(item: WorkItem): Promise<Begun<FinishedTensor>> {
    const { encoder, source } = item;
    const isWhole =
      encoder.kind === 'gptq' || encoder.kind === 'repack' || (source.kind === 'stored' && source.tensor.packed?.kind === 'gptq');
    if (!isWhole) return { done: this.track((await this.streamed(item)).done) };
    await this.settle();
    const done = this.track(this.whole(item));
    await done;
    return { done };
  }

  /** Keep an eye on a promise: its failure ends the work, whoever waits for it. */
  private track<T>(promise: Promise<T>): Promise<T> {
    const watched = promise.then(
      () => undefined,
      (error: unknown) => (this.failure ??= { error }),
    );
    this.underWay.add(watched);
    void watched.then(() => this.underWay.delete(watched));
    return promise;
  }

  private async settle(): Promise<void> {
    while (this.underWay.size > 0) await Promise.all(this.underWay);
    if (this.failure !== undefined) throw this.failure.error;
  }

  /** Run a job when fewer than the limit are under way. */
  private async run<T>(job: () => Promise<T>): Promise<Begun<T>> {
    while (this.jobs.size >= IN_FLIGHT) await Promise.race(this.jobs);
    this.options.signal.throwIfAborted();
    if (this.failure !== undefined) throw this.failure.error;
    const done = this.track(job());
    const ended = done.then(
      () => undefined,
      () => undefined,
    );
    this.jobs.add(ended);
    void ended.then(() => this.jobs.delete(ended));
    return { done };
  }

  private get encodedAtOnce(): number {
    return Math.min(ENCODED_AT_ONCE, this.options.threads);
  }

  /** Run a kernel that shares its work out when fewer than the limit are at it. */
  private async shared<T>(job: () => Promise<T>): Promise<T> {
    while (this.encoding.size >= this.encodedAtOnce) await Promise.race(this.encoding);
    const done = job();
    const ended = done.then(
      () => undefined,
      () => undefined,
    );
    this.encoding.add(ended);
    void ended.then(() => this.encoding.delete(ended));
    return done;
  }

  private get decodeTools(): DecodeTools & { readonly kernels: WorkKernels } {
    const { kernels, sources, threads } = this.options;
    return { kernels, sources, pool: this.pool, threads };
  }

  private async readTools({ source }: WorkItem): Promise<ReadTools> {
    const { kernels, sources } = this.options;
    const fromFiles = runsFromFiles(sources, this.pool);
    const packed =
      source.kind === 'stored' && source.tensor.packed !== undefined ? await openPacked(source.tensor, this.decodeTools) : undefined;
    const readRun = (run: Run): Promise<Uint8Array<ArrayBuffer>> => (packed ?? fromFiles)(run);
    return { kernels, pool: this.pool, chunkElements: this.chunkElements, readRun };
  }

  private async write({ places, name }: WorkItem, { part, position, bytes }: Piece): Promise<void> {
    const place = places[part];
    if (place === undefined || position + bytes.byteLength > place.sizeBytes)
      throw new RangeError(`${part} of ${name} does not fit its place`);
    await this.options.output.write(place.file, place.offset + position, bytes);
    this.doneBytes += bytes.byteLength;
    this.options.progress(this.doneBytes, name);
  }

  /** Begin all chunks of a tensor; `done` when it is complete. */
  private async streamed(item: WorkItem): Promise<Begun<FinishedTensor>> {
    const { encoder } = item;
    if (encoder.kind === 'copy') return this.copied(item);
    if (encoder.kind === 'gptq' || encoder.kind === 'repack') throw new RangeError(`${item.name} is not made in chunks`);
    const { kernels, threads, signal, output } = this.options;
    const counts = { nonFinite: 0, overflowed: 0 };
    const share = Math.ceil(threads / this.encodedAtOnce);
    const tools: EncodeTools = { kernels, pool: this.pool, threads: share, signal, counts };
    const read = await this.readTools(item);
    const made = createEncoder(encoder, item.shape, this.importance(item), tools);
    const encode = made.isThreaded ? (chunk: ChunkToEncode) => this.shared(() => made.encode(chunk)) : made.encode;
    const jobs: Promise<void>[] = [];
    const multiple = this.multiple(item, made.multiple);
    const edit = await this.editOf(item, multiple, read);
    for (const { index, first, chunk } of numbered(item, this.limit(item), multiple)) {
      const job = async (): Promise<void> => {
        const pieces = await named(
          item,
          readChunk(chunk, read)
            .then((values) => edit(values, first))
            .then((values) => encode({ index, first, values })),
        );
        for (const piece of pieces) {
          await this.write(item, piece);
          if (piece.pooled !== undefined) this.pool.give(piece.pooled);
        }
      };
      jobs.push((await this.run(job)).done);
    }
    const finish = async (): Promise<FinishedTensor> => {
      await Promise.all(jobs);
      const chunksAgain = this.again(item, multiple, read, edit);
      const written = (part: string, position: number, count: number): Promise<Uint8Array> => {
        const place = item.places[part];
        if (place === undefined) throw new RangeError(`${item.name} has no ${part}`);
        return output.read(place.file, place.offset + position, count);
      };
      const { pieces, error } = await named(
        item,
        this.shared(() => made.finish({ chunks: chunksAgain, written })),
      );
      for (const piece of pieces) await this.write(item, piece);
      return this.finished(item, { error, ...counts, fellBack: false });
    };
    return { done: finish() };
  }

  /** A tensor's chunks, read once more. */
  private again(item: WorkItem, multiple: number, read: ReadTools, edit: EditChunk): () => AsyncGenerator<ChunkToEncode> {
    const limit = this.limit(item);
    return async function* () {
      for (const { index, first, chunk } of numbered(item, limit, multiple))
        yield { index, first, values: await edit(await readChunk(chunk, read), first) };
    };
  }

  /** What changes a tensor's values on their way. */
  private editOf(item: WorkItem, multiple: number, read: ReadTools): Promise<EditChunk> {
    const asStored = this.again(item, multiple, read, async (values) => values);
    return openEdit(this.options.edits?.of.get(item.name), read, asStored);
  }

  /** Chunks of a tensor are multiples of this: of what its encoder, its source and its edit ask for. */
  private multiple({ name, source }: WorkItem, encoder: number): number {
    const edit = this.options.edits?.of.get(name)?.multiple ?? 1;
    return leastCommonMultiple(leastCommonMultiple(encoder, runMultiple(source)), edit);
  }

  /** GPT-2's matrices are turned on their way into flat blocks, which cross their rows: each is one chunk. */
  private limit({ source, encoder, shape }: WorkItem): number {
    const crosses = encoder.kind === 'fourBit' && source.kind === 'stored' && source.transform.kind !== 'none';
    return crosses ? elementCount(shape) : this.chunkElements;
  }

  private importance({ name, shape, encoder }: WorkItem): Float32Array | undefined {
    if (encoder.kind !== 'ggml' || encoder.imatrix === undefined) return undefined;
    const sums = this.options.imatrix?.entries.get(encoder.imatrix);
    if (sums === undefined) return undefined;
    const inputs = shape.at(-1) ?? 1;
    const matrices = elementCount(shape.slice(0, -2));
    if (sums.squares.length !== inputs * matrices)
      throw new AppError('quantize.imatrixMismatch', { tensor: name, found: sums.squares.length, expected: inputs * matrices });
    return importanceOf(sums);
  }

  private async copied(item: WorkItem): Promise<Begun<FinishedTensor>> {
    const { source, places, name } = item;
    if (this.options.edits?.of.has(name) === true) throw new RangeError(`${name} is to be changed, and cannot be copied`);
    const size = places['codes']?.sizeBytes ?? 0;
    if (source.kind !== 'stored' || source.tensor.sizeBytes < size) throw new RangeError(`${name} has no ${size} bytes to copy`);
    const { tensor } = source;
    const step = 4 * this.chunkElements;
    const jobs: Promise<void>[] = [];
    for (let position = 0; position < size; position += step) {
      const job = async (): Promise<void> => {
        const bytes = await readPart(this.decodeTools, tensor, position, Math.min(step, size - position));
        await this.write(item, { part: 'codes', position, bytes });
        this.pool.give(bytes);
      };
      jobs.push((await this.run(job)).done);
    }
    const finish = async (): Promise<FinishedTensor> => {
      await Promise.all(jobs);
      return this.finished(item, { error: null, nonFinite: 0, overflowed: 0, fellBack: false });
    };
    return { done: finish() };
  }

  /** A tensor that is in memory as a whole. */
  private async whole(item: WorkItem): Promise<FinishedTensor> {
    const { encoder, source } = item;
    if (encoder.kind === 'repack') {
      const packed = source.kind === 'stored' ? source.tensor.packed : undefined;
      if (source.kind !== 'stored' || packed?.kind !== 'gptq') throw new RangeError(`${item.name} is no GPTQ weight`);
      const heads = source.transform.kind === 'permuteRows' ? source.transform.heads : undefined;
      const bytes = await named(item, repackGptq(encoder.type, packed, heads, this.decodeTools));
      await this.write(item, { part: 'codes', position: 0, bytes });
      return this.finished(item, { error: { error: 0, norm: 0 }, nonFinite: 0, overflowed: 0, fellBack: false });
    }
    if (encoder.kind === 'gptq') return this.calibrated(item, encoder);
    // The values come from a GPTQ weight, which is decoded at once.
    return (await this.streamed(item)).done;
  }

  private async calibrated(item: WorkItem, encoder: Extract<Encoder, { kind: 'gptq' }>): Promise<FinishedTensor> {
    const { kernels, calibration, threads, signal } = this.options;
    if (calibration === undefined) throw new RangeError('GPTQ needs a calibration');
    const inputs = item.shape.at(-1) ?? 1;
    const hessian = await calibration.hessian(encoder.hessian);
    if (hessian.length !== inputs ** 2)
      throw new AppError('quantize.badHessian', { tensor: item.name, found: hessian.length, expected: inputs ** 2 });
    signal.throwIfAborted();
    const weights = await this.values(item);
    const counts = { nonFinite: 0, overflowed: 0 };
    const { pieces, error, fellBack, restored } = await named(
      item,
      encodeGptq(encoder, weights, hessian, { kernels, pool: this.pool, threads, signal, counts }),
    );
    for (const piece of pieces) await this.write(item, piece);
    await this.replace(encoder, item.shape, restored);
    return this.finished(item, { error, fellBack, ...counts });
  }

  /** Tell the calibration what a tensor has become, in the order of rows that it knows. */
  private async replace(
    { settings, hessian, heads }: Extract<Encoder, { kind: 'gptq' }>,
    shape: readonly number[],
    values: Float32Array<ArrayBuffer>,
  ): Promise<void> {
    const { calibration, kernels } = this.options;
    if (!settings.trueSequential || calibration?.replace === undefined) return;
    let rows = values;
    if (heads !== undefined) {
      rows = new Float32Array(values.length);
      await kernels.permuteRows(new Uint8Array(values.buffer), new Uint8Array(rows.buffer), { rows: shape[0] ?? 1, heads });
    }
    await calibration.replace(hessian, rows);
  }

  /** The calibration of what is left rests on what an earlier attempt made of the tensors before: read it back. */
  async replay(item: WorkItem, written: SourceTensor, source: FileSource): Promise<void> {
    if (item.encoder.kind !== 'gptq') return;
    const read = await openPacked(written, { ...this.decodeTools, sources: new Map([[written.shard, source]]) });
    const values = new Float32Array(elementCount(item.shape));
    const bytes = await read({ tensor: written, start: 0, elements: values.length });
    values.set(floats(bytes));
    this.pool.give(bytes);
    await this.replace(item.encoder, item.shape, values);
  }

  /** All values of a tensor as F32. */
  private async values(item: WorkItem): Promise<Float32Array<ArrayBuffer>> {
    const read = await this.readTools(item);
    const all = new Float32Array(elementCount(item.shape));
    const multiple = this.multiple(item, item.shape.at(-1) ?? 1);
    const edit = await this.editOf(item, multiple, read);
    for (const { first, chunk } of numbered(item, this.chunkElements, multiple)) {
      const { bytes } = await recast(await edit(await readChunk(chunk, read), first), 'F32', read);
      all.set(floats(bytes), first);
      this.pool.give(bytes);
    }
    return all;
  }

  private finished({ name }: WorkItem, facts: Omit<FinishedTensor, 'tensor'>): FinishedTensor {
    const finished = { tensor: name, ...facts };
    this.options.output.complete(finished);
    return finished;
  }
}

function leastCommonMultiple(left: number, right: number): number {
  let [divisor, rest] = [left, right];
  while (rest > 0) [divisor, rest] = [rest, divisor % rest];
  return (left / divisor) * right;
}

/** A tensor's chunks with their numbers, and the first value of each. */
function* numbered({ source }: WorkItem, limit: number, multiple: number): Generator<{ index: number; first: number; chunk: Chunk }> {
  let index = 0;
  let first = 0;
  for (const chunk of chunksOf(source, limit, multiple)) {
    yield { index, first, chunk };
    index += 1;
    first += chunk.kind === 'values' ? chunk.values.length : chunk.elements;
  }
}

/** A kernel knows no names: what it throws about a tensor's data is told with the tensor's name. */
async function named<T>({ name }: WorkItem, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof AppError && (error.code === 'quantize.notFinite' || error.code === 'quantize.badRows'))
      throw AppError.from({ code: error.code, params: { ...error.params, tensor: name }, detail: error.detail });
    throw error;
  }
}
