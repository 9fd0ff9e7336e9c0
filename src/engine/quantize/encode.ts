import { elementCount } from '#core/element-count.ts';
import { AppError } from '#core/errors/index.ts';
import { ggmlTypes, type GgmlTypeName } from '#core/gguf/types.ts';
import { quantStateBytes, NESTED_BLOCK_SIZE, type FourBitSettings } from '#core/quantize/bitsandbytes.ts';
import type { Encoder } from '#core/quantize/encoder.ts';
import type { BufferPool } from '../convert/buffer-pool.ts';
import { recast, type ChunkValues, type FloatType, type ReadKernels } from '../convert/read-chunk.ts';
import type { ErrorSum } from '../native-quantize.ts';
import type { CastCounts, Native } from '../native.ts';
import { bytesOf, floats } from './views.ts';

/** What encoding asks of the addon. */
export type EncodeKernels = ReadKernels &
  Pick<
    Native,
    | 'ggmlQuantize'
    | 'int8Quantize'
    | 'int8Dequantize'
    | 'int8ZeroPointQuantize'
    | 'int8ZeroPointDequantize'
    | 'fourBitQuantize'
    | 'fourBitDequantize'
    | 'nestAbsmax'
    | 'unnestAbsmax'
    | 'quantizationMap'
    | 'relativeError'
    | 'isFinite'
  >;

export interface EncodeTools {
  readonly kernels: EncodeKernels;
  readonly pool: BufferPool;
  readonly threads: number;
  readonly signal: AbortSignal;
  /** Numbers that a cast lost, over all tensors. */
  readonly counts: { -readonly [K in keyof CastCounts]: CastCounts[K] };
}

/** Bytes of the output: where within which part of the tensor. */
export interface Piece {
  readonly part: string;
  readonly position: number;
  readonly bytes: Uint8Array;
  /** The same bytes, where they are to go back to the pool once they are written. */
  readonly pooled?: Uint8Array<ArrayBuffer>;
}

/** A chunk of a tensor on its way: its number, its first value, and its values in a buffer of the pool. */
export interface ChunkToEncode {
  readonly index: number;
  readonly first: number;
  readonly values: ChunkValues;
}

/** A tensor once more, for an encoder that can only be measured at the end. */
export interface SecondLook {
  readonly chunks: () => AsyncIterable<ChunkToEncode>;
  /** Bytes that were written. */
  readonly written: (part: string, position: number, count: number) => Promise<Uint8Array>;
}

/** Encodes a tensor chunk by chunk; chunks may be under way at the same time. */
export interface TensorEncoder {
  /** Chunks are multiples of this. */
  readonly multiple: number;
  /** Its kernel shares its work out among threads. */
  readonly isThreaded: boolean;
  /** The values are used up. */
  encode(chunk: ChunkToEncode): Promise<readonly Piece[]>;
  /** What can be said only when all chunks are done, and how far the result is from the source: null where it was not measured. */
  finish(look: SecondLook): Promise<{ readonly pieces: readonly Piece[]; readonly error: ErrorSum | null }>;
}

/** @param shape numpy order, as encoded @param importance [matrices × inputs], for ggml's types only */
export function createEncoder(
  encoder: Exclude<Encoder, { kind: 'copy' | 'gptq' | 'repack' }>,
  shape: readonly number[],
  importance: Float32Array | undefined,
  tools: EncodeTools,
): TensorEncoder {
  switch (encoder.kind) {
    case 'cast':
      return castEncoder(encoder.type, tools);
    case 'ggml':
      return ggmlEncoder(encoder.type, shape, importance, tools);
    case 'int8':
    case 'int8ZeroPoint':
      return int8Encoder(encoder.kind, shape.at(-1) ?? 1, tools);
    case 'fourBit':
      return fourBitEncoder(encoder.settings, shape, tools);
  }
}

const elementBytes = { F32: 4, F16: 2, BF16: 2 } as const;

function castEncoder(type: FloatType, tools: EncodeTools): TensorEncoder {
  const { kernels, counts } = tools;
  const cast: ReadKernels['cast'] = async (...values) => {
    const met = await kernels.cast(...values);
    counts.nonFinite += met.nonFinite;
    counts.overflowed += met.overflowed;
    return met;
  };
  return {
    multiple: 1,
    isThreaded: false,
    encode: async ({ first, values }) => {
      const { bytes } = await recast(values, type, { ...tools, kernels: { ...kernels, cast } });
      return [{ part: 'codes', position: first * elementBytes[type], bytes, pooled: bytes }];
    },
    finish: async () => ({ pieces: [], error: null }),
  };
}

/** Sums of chunks that end in any order, added in the order of the tensor: so the result is the same each time. */
function errorSums() {
  const sums: ErrorSum[] = [];
  return {
    set: (index: number, sum: ErrorSum): void => void (sums[index] = sum),
    total: (): ErrorSum =>
      sums.reduce((all, { error, norm }) => ({ error: all.error + error, norm: all.norm + norm }), { error: 0, norm: 0 }),
  };
}

function ggmlEncoder(
  type: GgmlTypeName,
  shape: readonly number[],
  importance: Float32Array | undefined,
  tools: EncodeTools,
): TensorEncoder {
  const { kernels, pool, threads, signal } = tools;
  const { blockSize, bytesPerBlock } = ggmlTypes[type];
  const inputs = shape.at(-1) ?? 1;
  const rowBytes = (inputs / blockSize) * bytesPerBlock;
  // Each expert's matrix has its own importances.
  const matrixRows = importance === undefined ? Infinity : elementCount(shape) / inputs / (importance.length / inputs);
  const sums = errorSums();
  return {
    multiple: inputs,
    isThreaded: true,
    encode: async ({ index, first, values }) => {
      const { bytes } = await recast(values, 'F32', tools);
      const weights = floats(bytes);
      const firstRow = first / inputs;
      const rows = weights.length / inputs;
      const output = pool.take(rows * rowBytes);
      let sum: ErrorSum = { error: 0, norm: 0 };
      for (let row = 0; row < rows;) {
        const matrix = Math.floor((firstRow + row) / matrixRows);
        const end = Math.min(rows, (matrix + 1) * matrixRows - firstRow);
        const own = importance?.subarray(matrix * inputs, (matrix + 1) * inputs);
        const target = output.subarray(row * rowBytes, end * rowBytes);
        const { error, norm } = await kernels.ggmlQuantize(weights.subarray(row * inputs, end * inputs), type, inputs, target, {
          threads,
          signal,
          importance: own,
        });
        sum = { error: sum.error + error, norm: sum.norm + norm };
        row = end;
      }
      sums.set(index, sum);
      pool.give(bytes);
      return [{ part: 'codes', position: firstRow * rowBytes, bytes: output, pooled: output }];
    },
    finish: async () => ({ pieces: [], error: sums.total() }),
  };
}

/** bitsandbytes and compressed-tensors take no infinities; the name of the tensor is put in by the caller. */
const notFinite = (): AppError => new AppError('quantize.notFinite', { tensor: '' });

function int8Encoder(kind: 'int8' | 'int8ZeroPoint', inputs: number, tools: EncodeTools): TensorEncoder {
  const { kernels, pool, threads } = tools;
  const sums = errorSums();
  return {
    multiple: inputs,
    isThreaded: true,
    encode: async ({ index, first, values }) => {
      const { bytes } = await recast(values, 'F32', tools);
      const weights = floats(bytes);
      const rows = weights.length / inputs;
      const firstRow = first / inputs;
      const codes = pool.take(weights.length);
      const scales = new Float32Array(rows);
      const zeros = new Uint8Array(rows);
      const restored = pool.take(bytes.byteLength);
      if (kind === 'int8') {
        // A weight beyond float16 makes its row meaningless.
        if ((await kernels.int8Quantize(weights, rows, codes, scales, threads)) > 0) throw notFinite();
        await kernels.int8Dequantize(codes, rows, scales, floats(restored), threads);
      } else {
        if (!(await kernels.isFinite(weights, threads))) throw notFinite();
        await kernels.int8ZeroPointQuantize(weights, rows, codes, scales, zeros, threads);
        await kernels.int8ZeroPointDequantize(codes, rows, scales, zeros, floats(restored), threads);
      }
      sums.set(index, await kernels.relativeError(weights, floats(restored), threads));
      pool.give(restored);
      pool.give(bytes);
      return [
        { part: 'codes', position: first, bytes: codes, pooled: codes },
        { part: 'scales', position: 4 * firstRow, bytes: bytesOf(scales) },
        ...(kind === 'int8' ? [] : [{ part: 'zeros', position: firstRow, bytes: zeros }]),
      ];
    },
    // weight_format 0: rows.
    finish: async () => ({
      pieces: kind === 'int8' ? [{ part: 'format', position: 0, bytes: Uint8Array.of(0) }] : [],
      error: sums.total(),
    }),
  };
}

function fourBitEncoder(settings: FourBitSettings, shape: readonly number[], tools: EncodeTools): TensorEncoder {
  const { kernels, pool, threads } = tools;
  const { type, blockSize, isNested } = settings;
  const [outputs = 1, inputs = 1] = shape;
  const absmax = new Float32Array(Math.ceil((outputs * inputs) / blockSize));
  const map = kernels.quantizationMap(type);
  const sums = errorSums();
  const blocksOf = (own: Float32Array, first: number, count: number): Float32Array =>
    own.subarray(first / blockSize, Math.ceil((first + count) / blockSize));
  const measure = async (weights: Float32Array, codes: Uint8Array, own: Float32Array): Promise<ErrorSum> => {
    const restored = pool.take(weights.byteLength);
    await kernels.fourBitDequantize(map, codes, blockSize, own, floats(restored), threads);
    const sum = await kernels.relativeError(weights, floats(restored), threads);
    pool.give(restored);
    return sum;
  };
  return {
    multiple: blockSize,
    isThreaded: true,
    encode: async ({ index, first, values }) => {
      const { bytes } = await recast(values, 'F32', tools);
      const weights = floats(bytes);
      if (!(await kernels.isFinite(weights, threads))) throw notFinite();
      const codes = pool.take(Math.ceil(weights.length / 2));
      const own = blocksOf(absmax, first, weights.length);
      await kernels.fourBitQuantize(type, weights, blockSize, codes, own, threads);
      // Nested, the absmax values are not yet what they will be.
      if (!isNested) sums.set(index, await measure(weights, codes, own));
      pool.give(bytes);
      return [{ part: 'codes', position: first / 2, bytes: codes, pooled: codes }];
    },
    finish: async ({ chunks, written }) => {
      const common: Piece[] = [{ part: 'map', position: 0, bytes: bytesOf(map) }];
      const state = (offset: number): Piece => ({
        part: 'state',
        position: 0,
        bytes: quantStateBytes([outputs, inputs], settings, offset),
      });
      if (!isNested) return { pieces: [...common, { part: 'absmax', position: 0, bytes: bytesOf(absmax) }, state(0)], error: sums.total() };
      const codes = new Uint8Array(absmax.length);
      const nested = new Float32Array(Math.ceil(absmax.length / NESTED_BLOCK_SIZE));
      const offset = kernels.nestAbsmax(absmax, codes, nested);
      const nestedMap = kernels.quantizationMap('dynamic');
      kernels.unnestAbsmax(nestedMap, codes, nested, offset, absmax);
      for await (const { index, first, values } of chunks()) {
        const { bytes } = await recast(values, 'F32', tools);
        const weights = floats(bytes);
        const stored = await written('codes', first / 2, Math.ceil(weights.length / 2));
        sums.set(index, await measure(weights, stored, blocksOf(absmax, first, weights.length)));
        pool.give(bytes);
      }
      return {
        pieces: [
          ...common,
          { part: 'absmax', position: 0, bytes: codes },
          { part: 'nestedAbsmax', position: 0, bytes: bytesOf(nested) },
          { part: 'nestedMap', position: 0, bytes: bytesOf(nestedMap) },
          state(offset),
        ],
        error: sums.total(),
      };
    },
  };
}
