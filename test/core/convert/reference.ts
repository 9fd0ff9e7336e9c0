import type { Transform } from '#core/architectures/index.ts';
import type { ConvertedTensor } from './planned.ts';

/**
 * The slow, plain way to carry a plan out: one value at a time, written from the definitions and not from the product's kernels.
 * Half precision goes through IEEE 754's definition: the nearest representable value, ties to the even one.
 */

/** The weights of the golden models; `test/golden/architectures/make.py` has the same formula. */
export function goldenWeights(name: string, count: number): Float32Array {
  let seed = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 0x01000193) >>> 0;
  return Float32Array.from({ length: count }, (_, i) => {
    let h = (seed + Math.imul(i, 0x9e3779b9)) >>> 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    h = (h ^ (h >>> 16)) >>> 0;
    return ((h >>> 8) - 2 ** 23) * 2 ** -24;
  });
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}

/** Bits of the nearest half: 1 sign, 5 exponent, 10 fraction. Finite values only. */
function halfBits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  // Below 2^-14 the step is 2^-24; a rounding up to the next power of two carries into the exponent by itself.
  const exponent = Math.max(Math.floor(Math.log2(magnitude)), -14);
  const fraction = magnitude === 0 ? 0 : roundToEven(magnitude * 2 ** (10 - exponent));
  const bits = magnitude < 2 ** -14 ? fraction : fraction + (exponent + 14) * 1024;
  return sign | Math.min(bits, 0x7c00);
}

function halfValue(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  return (bits & 0x8000 ? -1 : 1) * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

const word = new DataView(new ArrayBuffer(4));

/** bfloat16 is the upper half of a single. */
function bfloatBits(value: number): number {
  word.setFloat32(0, value);
  return roundToEven(word.getUint32(0) / 65_536);
}

function bfloatValue(bits: number): number {
  word.setUint32(0, bits * 65_536);
  return word.getFloat32(0);
}

export function encode(values: Float32Array, dtype: string): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(values.slice().buffer);
  if (dtype !== 'F16' && dtype !== 'BF16') throw new Error(`no reference for ${dtype}`);
  return new Uint8Array(Uint16Array.from(values, dtype === 'F16' ? halfBits : bfloatBits).buffer);
}

export function decode(bytes: Uint8Array, dtype: string): Float32Array {
  // A copy at an aligned address; the slice of a Buffer would be a view.
  const own = new Uint8Array(bytes).buffer;
  if (dtype === 'F32') return new Float32Array(own);
  if (dtype !== 'F16' && dtype !== 'BF16') throw new Error(`no reference for ${dtype}`);
  return Float32Array.from(new Uint16Array(own), dtype === 'F16' ? halfValue : bfloatValue);
}

/** numpy: `w.reshape(heads, 2, rows // heads // 2, -1).swapaxes(1, 2)` for `permuteRows`. */
export function applyTransform(values: Float32Array, shape: readonly number[], transform: Transform): Float32Array {
  const [rows = 1, columns = 1] = shape;
  switch (transform.kind) {
    case 'none':
      return values;
    case 'addOne':
      return values.map((value) => Math.fround(value + 1));
    case 'transpose':
      return values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)] ?? NaN);
    case 'permuteRows': {
      const half = rows / transform.heads / 2;
      return values.map((_, i) => {
        const row = Math.floor(i / columns);
        const head = Math.floor(row / (2 * half));
        const inHead = row % (2 * half);
        const source = head * 2 * half + (inHead % 2) * half + Math.floor(inHead / 2);
        return values[source * columns + (i % columns)] ?? NaN;
      });
    }
  }
}

/** The bytes of one output tensor, given the stored bytes of its source. */
export function convertTensor({ type, source }: ConvertedTensor, read: (name: string) => Uint8Array): Uint8Array {
  if (source.kind === 'computed') return encode(source.values, type);
  const { tensor, elements, shape, transform } = source;
  const values = decode(read(tensor.name), tensor.dtype).subarray(0, elements);
  return encode(applyTransform(values, shape, transform), type);
}
