import type { ShardTensorInfo } from '../safetensors/shards.ts';

/** A matrix of an edit: how it lies in the file, and in which order its rows are wanted. */
export interface EditFactor {
  readonly tensor: ShardTensorInfo;
  /** The file holds its transpose. */
  readonly isTurned: boolean;
  /** The rows of each head change places first. */
  readonly order: RowOrder | undefined;
}

/** llama.cpp's rotary embedding turns neighbouring rows of a head (`pairs`), transformers' its two halves. */
export interface RowOrder {
  readonly heads: number;
  readonly to: 'pairs' | 'halves';
}

/** A matrix [height × width] as [width × height]. */
export function turn(values: Float32Array, height: number, width: number): Float32Array<ArrayBuffer> {
  const result = new Float32Array(values.length);
  for (let row = 0; row < height; row += 1)
    for (let column = 0; column < width; column += 1) result[column * height + row] = values[row * width + column] ?? 0;
  return result;
}

/** Rows of each head from two halves to neighbouring pairs, or back. */
export function reordered(values: Float32Array, rows: number, { heads, to }: RowOrder): Float32Array<ArrayBuffer> {
  const width = values.length / rows;
  const half = rows / heads / 2;
  if (!Number.isInteger(half)) throw new RangeError(`${rows} rows are not ${heads} heads of an even number of rows`);
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row += 1) {
    const inHead = row % (2 * half);
    const paired = row - inHead + 2 * (inHead % half) + Math.floor(inHead / half);
    const [from, into] = to === 'pairs' ? [row, paired] : [paired, row];
    result.set(values.subarray(from * width, (from + 1) * width), into * width);
  }
  return result;
}
