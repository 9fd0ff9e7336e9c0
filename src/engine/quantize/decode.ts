import type { ValueSource } from '#core/convert/plan.ts';
import { elementCount } from '#core/element-count.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { ggmlTypes } from '#core/gguf/types.ts';
import type { PackedFourBit, PackedGptq, PackedInt8, PackedInt8ZeroPoint, SourceTensor } from '#core/quantize/packed.ts';
import type { ShardTensorInfo } from '#core/safetensors/shards.ts';
import type { BufferPool } from '../convert/buffer-pool.ts';
import type { Run } from '../convert/chunks.ts';
import { readFully, type FileSource } from '../file-source.ts';
import type { Native } from '../native.ts';
import { floats } from './views.ts';

/** What decoding asks of the addon. */
export type DecodeKernels = Pick<
  Native,
  | 'cast'
  | 'ggmlDequantize'
  | 'int8Dequantize'
  | 'int8ZeroPointDequantize'
  | 'fourBitDequantize'
  | 'unnestAbsmax'
  | 'gptqUnpackWeight'
  | 'gptqUnpackZeros'
  | 'gptqDequantize'
>;

export interface DecodeTools {
  readonly kernels: DecodeKernels;
  readonly sources: ReadonlyMap<string, FileSource>;
  readonly pool: BufferPool;
  readonly threads: number;
}

/** The F32 values of a part of a packed weight, in a buffer of the pool. Runs are whole rows, or any for bitsandbytes' four bits. */
export type ReadDecoded = (run: Run) => Promise<Uint8Array<ArrayBuffer>>;

/** Get ready to decode a weight: what all of it needs is read here. A GPTQ weight is decoded whole: its words run across the rows. */
export async function openPacked(tensor: SourceTensor, tools: DecodeTools): Promise<ReadDecoded> {
  const { packed } = tensor;
  switch (packed?.kind) {
    case undefined:
      throw new RangeError(`${tensor.name} is not packed`);
    case 'ggml': {
      const { blockSize, bytesPerBlock } = ggmlTypes[packed.type];
      const rowLength = tensor.shape.at(-1) ?? 1;
      return async ({ start, elements }) => {
        const bytes = await readPart(tools, tensor, (start / blockSize) * bytesPerBlock, (elements / blockSize) * bytesPerBlock);
        const output = tools.pool.take(4 * elements);
        await tools.kernels.ggmlDequantize(bytes, packed.type, rowLength, floats(output), tools.threads);
        tools.pool.give(bytes);
        return output;
      };
    }
    case 'int8':
    case 'int8ZeroPoint':
      return openInt8(packed, tools);
    case 'fourBit':
      return openFourBit(packed, elementCount(tensor.shape), tools);
    case 'gptq':
      return openGptq(packed, tools);
  }
}

/** What the values of a source are read in multiples of: codes with a scale for each row are decoded by rows. */
export function runMultiple(source: ValueSource): number {
  if (source.kind !== 'stored' || source.tensor.packed === undefined) return 1;
  const { kind } = source.tensor.packed;
  return kind === 'fourBit' || kind === 'gptq' ? 1 : (source.tensor.shape.at(-1) ?? 1);
}

/** Bytes of a stored tensor, in a buffer of the pool. */
export async function readPart(
  { sources, pool }: Pick<DecodeTools, 'sources' | 'pool'>,
  tensor: ShardTensorInfo,
  start: number,
  count: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const source = sources.get(tensor.shard);
  if (source === undefined) throw new RangeError(`${tensor.shard} is not open`);
  const bytes = pool.take(count);
  await onDisk(source.path, () => readFully(source.handle, bytes, tensor.offset + start));
  return bytes;
}

/** A whole tensor of floats as F32, in memory of its own. */
async function readFloats(tools: DecodeTools, tensor: ShardTensorInfo): Promise<Float32Array<ArrayBuffer>> {
  const bytes = await readPart(tools, tensor, 0, tensor.sizeBytes);
  const values = new Float32Array(elementCount(tensor.shape));
  const { dtype } = tensor;
  if (dtype !== 'F32' && dtype !== 'F16' && dtype !== 'BF16') throw new RangeError(`${tensor.name} holds no floats`);
  await tools.kernels.cast(dtype, bytes, 'F32', new Uint8Array(values.buffer));
  tools.pool.give(bytes);
  return values;
}

async function openInt8(packed: PackedInt8 | PackedInt8ZeroPoint, tools: DecodeTools): Promise<ReadDecoded> {
  const { kernels, pool, threads } = tools;
  const [, inputs = 1] = packed.codes.shape;
  const scales = await readFloats(tools, packed.scales);
  const zeros =
    packed.kind === 'int8ZeroPoint' && packed.zeroPoints !== undefined
      ? (await readPart(tools, packed.zeroPoints, 0, packed.zeroPoints.sizeBytes)).slice()
      : new Uint8Array(scales.length);
  return async ({ start, elements }) => {
    const [first, rows] = [start / inputs, elements / inputs];
    const codes = await readPart(tools, packed.codes, start, elements);
    const output = pool.take(4 * elements);
    const own = scales.subarray(first, first + rows);
    if (packed.kind === 'int8') await kernels.int8Dequantize(codes, rows, own, floats(output), threads);
    else await kernels.int8ZeroPointDequantize(codes, rows, own, zeros.subarray(first, first + rows), floats(output), threads);
    pool.give(codes);
    return output;
  };
}

async function openFourBit(packed: PackedFourBit, count: number, tools: DecodeTools): Promise<ReadDecoded> {
  const { kernels, pool, threads } = tools;
  const { blockSize, nested } = packed;
  const map = await readFloats(tools, packed.map);
  let absmax: Float32Array<ArrayBuffer>;
  if (nested === undefined) absmax = await readFloats(tools, packed.absmax);
  else {
    const codes = await readPart(tools, packed.absmax, 0, packed.absmax.sizeBytes);
    absmax = new Float32Array(codes.byteLength);
    kernels.unnestAbsmax(await readFloats(tools, nested.map), codes, await readFloats(tools, nested.absmax), nested.offset, absmax);
    pool.give(codes);
  }
  return async ({ start, elements }) => {
    // Whole blocks are decoded, and what was asked for cut out.
    const first = Math.floor(start / blockSize);
    const end = Math.ceil((start + elements) / blockSize);
    const values = Math.min(end * blockSize, count) - first * blockSize;
    const codes = await readPart(tools, packed.codes, (first * blockSize) / 2, Math.ceil(values / 2));
    const whole = pool.take(4 * values);
    await kernels.fourBitDequantize(map, codes, blockSize, absmax.subarray(first, end), floats(whole), threads);
    pool.give(codes);
    const skipped = start - first * blockSize;
    if (skipped === 0 && values === elements) return whole;
    const output = pool.take(4 * elements);
    output.set(whole.subarray(4 * skipped, 4 * (skipped + elements)));
    pool.give(whole);
    return output;
  };
}

/** A GPTQ weight taken out of its words. */
export interface UnpackedGptq {
  readonly inputs: number;
  readonly outputs: number;
  /** [outputs × inputs] */
  readonly codes: Uint8Array<ArrayBuffer>;
  /** [groups × outputs] */
  readonly zeros: Int32Array<ArrayBuffer>;
  /** [inputs] */
  readonly groupIndex: Int32Array<ArrayBuffer>;
}

export async function unpackGptq(packed: PackedGptq, tools: DecodeTools): Promise<UnpackedGptq> {
  const { kernels, pool, threads } = tools;
  const { bits, groups, groupSize, qweight, qzeros, zeroOffset } = packed;
  const [words = 0, outputs = 0] = qweight.shape;
  const inputs = (words * 32) / bits;
  const codes = new Uint8Array(inputs * outputs);
  const wordBytes = await readPart(tools, qweight, 0, qweight.sizeBytes);
  await kernels.gptqUnpackWeight(bits, inputs, outputs, new Uint32Array(wordBytes.buffer, 0, wordBytes.byteLength / 4), codes, threads);
  pool.give(wordBytes);
  const zeros = new Int32Array(groups * outputs);
  const zeroBytes = await readPart(tools, qzeros, 0, qzeros.sizeBytes);
  kernels.gptqUnpackZeros(bits, groups, outputs, new Uint32Array(zeroBytes.buffer, 0, zeroBytes.byteLength / 4), zeroOffset, zeros);
  pool.give(zeroBytes);
  const stored = await readGroupIndex(packed, tools);
  const groupIndex = stored ?? Int32Array.from({ length: inputs }, (_, input) => (groupSize === -1 ? 0 : Math.floor(input / groupSize)));
  return { inputs, outputs, codes, zeros, groupIndex };
}

/** The group of each input, where the file says it. */
export async function readGroupIndex(
  { groupIndex }: PackedGptq,
  tools: Pick<DecodeTools, 'sources' | 'pool'>,
): Promise<Int32Array<ArrayBuffer> | undefined> {
  if (groupIndex === undefined) return undefined;
  const bytes = await readPart(tools, groupIndex, 0, groupIndex.sizeBytes);
  const [inputs = 0] = groupIndex.shape;
  const read =
    groupIndex.dtype === 'I64'
      ? Int32Array.from(new BigInt64Array(bytes.buffer, 0, inputs), Number)
      : new Int32Array(bytes.buffer, 0, inputs).slice();
  tools.pool.give(bytes);
  return read;
}

async function openGptq(packed: PackedGptq, tools: DecodeTools): Promise<ReadDecoded> {
  const { kernels, pool, threads } = tools;
  const { inputs, outputs, codes, zeros, groupIndex } = await unpackGptq(packed, tools);
  const values = new Float32Array(inputs * outputs);
  await kernels.gptqDequantize(inputs, outputs, codes, await readFloats(tools, packed.scales), zeros, groupIndex, values, threads);
  return async ({ start, elements }) => {
    const output = pool.take(4 * elements);
    floats(output).set(values.subarray(start, start + elements));
    return output;
  };
}
