import { MiB } from '../bytes.ts';
import { elementCount } from '../element-count.ts';
import type { QuantizedTensor } from './plan.ts';

/**
 * Held for the chunks under way, whatever the model: read, decoded and encoded at the same time, at most 8 MiB of float32
 * each, and what the pool keeps for the next ones.
 */
const STREAM_BYTES = 128 * MiB;

/** The most that carrying a plan out holds at once. Tensors are streamed, but for GPTQ's, which are handled as a whole. */
export const peakBytes = (tensors: readonly QuantizedTensor[]): number =>
  STREAM_BYTES + tensors.reduce((most, tensor) => Math.max(most, wholeBytes(tensor)), 0);

/** Held for one tensor beside the stream. */
function wholeBytes({ source, encoder, shape, sizeBytes }: QuantizedTensor): number {
  const values = elementCount(shape);
  const inputs = shape.at(-1) ?? 0;
  const packed = source.kind === 'stored' ? source.tensor.packed : undefined;
  // Packed words, one byte for each code, and what they are decoded to.
  const decoded = packed?.kind === 'gptq' ? packed.qweight.sizeBytes + values + (encoder.kind === 'repack' ? sizeBytes : 4 * values) : 0;
  // Weights and their changing copy in float32, codes, the result, the Hessian and its factor.
  const calibrated = encoder.kind === 'gptq' ? 9 * values + sizeBytes + 8 * inputs ** 2 : 0;
  return decoded + calibrated;
}
