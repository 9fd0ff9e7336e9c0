import { AppError } from '#core/errors/index.ts';
import type { Encoder } from '#core/quantize/encoder.ts';
import { gptqGroups } from '#core/quantize/gptq.ts';
import { offsetBlockBytes, type ExactType } from '#core/quantize/repack.ts';
import type { PackedGptq } from '#core/quantize/packed.ts';
import type { ErrorSum, GptqMatrix } from '../native-quantize.ts';
import type { Native } from '../native.ts';
import { readPart, unpackGptq, type DecodeTools } from './decode.ts';
import type { EncodeTools, Piece } from './encode.ts';
import { bytesOf } from './views.ts';

/** What GPTQ asks of the addon. */
export type GptqKernels = Pick<
  Native,
  'cast' | 'permuteRows' | 'gptqQuantize' | 'gptqPackWeight' | 'gptqPackZeros' | 'gptqDequantize' | 'gptqRepack' | 'relativeError'
>;

type GptqEncoder = Extract<Encoder, { kind: 'gptq' }>;

interface GptqTools extends Omit<EncodeTools, 'kernels'> {
  readonly kernels: GptqKernels;
}

export interface GptqResult {
  readonly pieces: readonly Piece[];
  readonly error: ErrorSum;
  /** The calibration was of no use: rounded to nearest. */
  readonly fellBack: boolean;
  /** What the weights have become, [outputs × inputs]. */
  readonly restored: Float32Array<ArrayBuffer>;
}

/** Quantize a matrix [outputs × inputs] against the second moments of its inputs. */
export async function encodeGptq(
  { settings, exact, hessian: tensor }: GptqEncoder,
  weights: Float32Array,
  hessian: Float32Array,
  { kernels, threads, signal }: GptqTools,
): Promise<GptqResult> {
  const inputs = Math.sqrt(hessian.length);
  const outputs = weights.length / inputs;
  if (!Number.isInteger(outputs)) throw new RangeError(`${weights.length} weights for ${inputs} inputs`);
  const matrix = await kernels.gptqQuantize(
    weights,
    outputs,
    hessian,
    {
      bits: settings.bits,
      groupSize: settings.groupSize,
      symmetric: settings.isSymmetric,
      actOrder: settings.actOrder,
      staticGroups: settings.staticGroups,
      // A scale below zero is nothing new to GGUF: Q4_0 uses both signs. The loaders of GPTQ folders know positive ones.
      signedScales: settings.isSymmetric && exact !== null,
      damping: settings.dampPercent,
      mseExponent: settings.mseExponent,
    },
    { threads, signal },
  );
  const { codes, zeros, gIdx, fellBack } = matrix;
  const scales = new Float32Array(matrix.scales.length);
  await kernels.cast('F16', bytesOf(matrix.scales), 'F32', bytesOf(scales));
  const restored = new Float32Array(weights.length);
  await kernels.gptqDequantize(inputs, outputs, codes, scales, zeros, gIdx, restored, threads);
  const error = await kernels.relativeError(weights, restored, threads);
  const pieces =
    exact === null
      ? await packed(settings, { inputs, outputs, matrix }, { kernels, threads })
      : [
          {
            part: 'codes',
            position: 0,
            bytes: await blocks(
              exact,
              tensor,
              { inputs, outputs, codes, scales: matrix.scales, zeros, groupIndex: gIdx },
              { kernels, threads },
            ),
          },
        ];
  return { pieces, error, fellBack, restored };
}

/** The tensors of a checkpoint. */
async function packed(
  { bits, checkpointFormat, groupSize }: GptqEncoder['settings'],
  { inputs, outputs, matrix }: { readonly inputs: number; readonly outputs: number; readonly matrix: GptqMatrix },
  { kernels, threads }: Pick<GptqTools, 'kernels' | 'threads'>,
): Promise<readonly Piece[]> {
  const qweight = new Uint32Array((inputs * bits * outputs) / 32);
  await kernels.gptqPackWeight(bits, inputs, outputs, matrix.codes, qweight, threads);
  const groups = gptqGroups(inputs, groupSize);
  const qzeros = new Uint32Array((groups * outputs * bits) / 32);
  if (!kernels.gptqPackZeros(bits, groups, outputs, matrix.zeros, checkpointFormat === 'gptq' ? 1 : 0, qzeros))
    throw new RangeError('a zero point that this format cannot store');
  return [
    { part: 'codes', position: 0, bytes: bytesOf(qweight) },
    { part: 'zeros', position: 0, bytes: bytesOf(qzeros) },
    { part: 'scales', position: 0, bytes: bytesOf(matrix.scales) },
    { part: 'groupIndex', position: 0, bytes: bytesOf(matrix.gIdx) },
  ];
}

interface Codes {
  readonly inputs: number;
  readonly outputs: number;
  readonly codes: Uint8Array;
  /** float16 bits */
  readonly scales: Uint16Array;
  readonly zeros: Int32Array;
  readonly groupIndex: Int32Array;
}

/** The same numbers as GGUF blocks. Throws `quantize.notExact`. */
async function blocks(
  type: ExactType,
  tensor: string,
  { inputs, outputs, codes, scales, zeros, groupIndex }: Codes,
  { kernels, threads }: Pick<GptqTools, 'kernels' | 'threads'>,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array((outputs * inputs * offsetBlockBytes[type]) / 32);
  const problem = await kernels.gptqRepack(type, inputs, outputs, codes, scales, zeros, groupIndex, bytes, threads);
  if (problem !== 'none') throw new AppError('quantize.notExact', { tensor }, problem);
  return bytes;
}

/**
 * A weight of a GPTQ checkpoint as GGUF rows, bit for bit.
 * @param heads where the rows of each head change places on their way to GGUF: how many heads
 */
export async function repackGptq(
  type: ExactType,
  weight: PackedGptq,
  heads: number | undefined,
  tools: DecodeTools & { readonly kernels: GptqKernels },
): Promise<Uint8Array<ArrayBuffer>> {
  const unpacked = await unpackGptq(weight, tools);
  const scaleBytes = await readPart(tools, weight.scales, 0, weight.scales.sizeBytes);
  const scales = new Uint16Array(scaleBytes.buffer, 0, scaleBytes.byteLength / 2);
  const rows = await blocks(type, weight.qweight.name, { ...unpacked, scales }, tools);
  tools.pool.give(scaleBytes);
  if (heads === undefined) return rows;
  // Whole rows move, so the blocks stay what they are.
  const permuted = new Uint8Array(rows.byteLength);
  await tools.kernels.permuteRows(rows, permuted, { rows: unpacked.outputs, heads });
  return permuted;
}
