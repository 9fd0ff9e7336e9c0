import { elementCount } from '#core/element-count.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { reordered, turn, type EditFactor } from '#core/lora/factors.ts';
import type { ShardTensorInfo } from '#core/safetensors/shards.ts';
import type { FileSource } from '../file-source.ts';
import { readFully } from '../file-source.ts';

/** Factors are read so many values at a time: 4 MiB as F32. */
const CHUNK_VALUES = 2 ** 20;

const bytesEach = { F32: 4, F16: 2, BF16: 2 } as const;

/** The values of a tensor of an adapter as F32, piece by piece. Throws `disk.*`. */
export async function* chunksOfTensor(
  sources: ReadonlyMap<string, FileSource>,
  tensor: ShardTensorInfo,
): AsyncGenerator<{ readonly first: number; readonly values: Float32Array<ArrayBuffer> }> {
  const source = sources.get(tensor.shard);
  const { dtype } = tensor;
  if (source === undefined || (dtype !== 'F32' && dtype !== 'F16' && dtype !== 'BF16'))
    throw new RangeError(`${tensor.name} cannot be read`);
  const count = elementCount(tensor.shape);
  for (let first = 0; first < count; first += CHUNK_VALUES) {
    const bytes = new Uint8Array(Math.min(CHUNK_VALUES, count - first) * bytesEach[dtype]);
    await onDisk(source.path, () => readFully(source.handle, bytes, tensor.offset + first * bytesEach[dtype]));
    yield { first, values: decode(bytes, dtype) };
  }
}

function decode(bytes: Uint8Array<ArrayBuffer>, dtype: 'F32' | 'F16' | 'BF16'): Float32Array<ArrayBuffer> {
  switch (dtype) {
    case 'F32':
      return new Float32Array(bytes.buffer);
    case 'F16':
      return Float32Array.from(new Float16Array(bytes.buffer));
    case 'BF16': {
      // The upper half of a float32.
      const words = new Uint16Array(bytes.buffer);
      const wide = new Uint32Array(words.length);
      for (const [i, word] of words.entries()) wide[i] = word * 2 ** 16;
      return new Float32Array(wide.buffer);
    }
  }
}

/** A whole tensor of an adapter as F32. */
export async function readTensor(sources: ReadonlyMap<string, FileSource>, tensor: ShardTensorInfo): Promise<Float32Array<ArrayBuffer>> {
  const all = new Float32Array(elementCount(tensor.shape));
  for await (const { first, values } of chunksOfTensor(sources, tensor)) all.set(values, first);
  return all;
}

/** A factor the way round, and in the order of rows, that is asked for. */
export async function readFactor(
  sources: ReadonlyMap<string, FileSource>,
  { tensor, isTurned, order }: EditFactor,
): Promise<Float32Array<ArrayBuffer>> {
  const stored = await readTensor(sources, tensor);
  const [height = stored.length, width = 1] = tensor.shape;
  const values = isTurned ? turn(stored, height, width) : stored;
  if (order === undefined) return values;
  return reordered(values, isTurned ? width : height, order);
}
