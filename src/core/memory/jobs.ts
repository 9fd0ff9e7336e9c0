import { elementCount } from '../element-count.ts';
import type { TensorEdit } from '../lora/merge.ts';
import type { CalibrationPlan } from '../quantize/calibration-plan.ts';
import { peakBytes } from '../quantize/memory.ts';
import type { QuantizationPlan } from '../quantize/plan.ts';
import { exact, range, totalOf, type Amount, type Total } from './amount.ts';
import { estimateShape, type InferenceEstimate } from './inference.ts';
import type { ModelShape } from './shape.ts';

/**
 * `stream`: chunks that are read, changed and written. `tensors`: what is handled as a whole. `model`: a model that runs, its
 * weights as far as they are in memory. `moments`: what is summed up of its inputs.
 */
export type JobAmountKind = 'stream' | 'tensors' | 'model' | 'moments' | 'adapters';

export interface JobEstimate extends Total<JobAmountKind> {
  /** Of the result: it grows beside the source until it is complete. */
  readonly diskBytes: number;
  /** Of what is written besides, and goes again. */
  readonly scratchBytes: number;
}

const jobOf = (amounts: readonly Amount<JobAmountKind>[], diskBytes: number, scratchBytes = 0): JobEstimate => ({
  ...totalOf(amounts),
  diskBytes,
  scratchBytes,
});

/** What every job holds whose tensors are streamed. */
const streamBytes = peakBytes([]);

/** Converting: the size is exact, the memory does not depend on the model. */
export const estimateConversion = ({ totalBytes }: { readonly totalBytes: number }): JobEstimate =>
  jobOf([exact('stream', streamBytes)], totalBytes);

/** A model that is run on a text, window by window. */
export interface Running {
  readonly shape: ModelShape;
  /** Tokens of a window. */
  readonly contextLength: number;
}

/** Weights of a model that runs are mapped from its file: the system may take them back. */
function modelAmount({ shape, contextLength }: Running): Amount<JobAmountKind> {
  const estimate: InferenceEstimate = estimateShape(shape, { contextLength, batchLength: contextLength });
  const weights = estimate.amounts.find(({ kind }) => kind === 'weights')?.bytes ?? 0;
  return { ...range('model', estimate.totalBytes, 1, 1.05, 'simulated'), lowBytes: estimate.totalBytes - weights };
}

/** Quantizing, as its plan has it; with the run that a calibration takes before. The two do not overlap. */
export function estimateQuantization(
  plan: Pick<QuantizationPlan, 'sizeBytes' | 'memoryBytes'>,
  calibration?: { readonly plan: Pick<CalibrationPlan, 'memoryBytes' | 'working'>; readonly run: Running },
): JobEstimate {
  const encode = [exact<JobAmountKind>('stream', streamBytes), exact<JobAmountKind>('tensors', plan.memoryBytes - streamBytes)];
  if (calibration === undefined) return jobOf(encode, plan.sizeBytes);
  // Moments are handed over to the tensors that they belong to.
  const amounts = [...encode, modelAmount(calibration.run), exact<JobAmountKind>('moments', calibration.plan.memoryBytes)];
  return jobOf(amounts, plan.sizeBytes, calibration.plan.working?.sizeBytes ?? 0);
}

/** Numbers of an importance matrix for each input of a matrix: Σ x² and the largest |x|, and their sums once more. */
const NUMBERS_PER_INPUT = 4;

/** Making an importance matrix: the model runs, and a few numbers are kept for each input of each matrix. */
export function estimateCalibration(
  run: Running,
  tensors: readonly { readonly shape: readonly number[] }[],
  workingBytes = 0,
): JobEstimate {
  const inputs = tensors.reduce(
    (sum, { shape }) => sum + (shape.length < 2 ? 0 : (shape.at(-1) ?? 0) * (shape.length > 2 ? (shape[0] ?? 1) : 1)),
    0,
  );
  return jobOf([modelAmount(run), exact('moments', 4 * NUMBERS_PER_INPUT * inputs)], 8 * inputs, workingBytes);
}

/**
 * Merging adapters, as its plan has it: a quantization, and beside its stream the factors of the tensor that is changed, in F32.
 */
export function estimateMerge({ plan, edits }: MergeSizes): JobEstimate {
  const factors = edits.reduce((most, edit) => Math.max(most, factorBytes(edit)), 0);
  const { amounts, diskBytes } = estimateQuantization(plan);
  return jobOf([...amounts, exact('adapters', factors)], diskBytes);
}

/** What of a plan says how large its merge is. */
export interface MergeSizes {
  readonly plan: Pick<QuantizationPlan, 'sizeBytes' | 'memoryBytes'>;
  readonly edits: readonly Pick<TensorEdit, 'shape' | 'steps'>[];
}

function factorBytes({ shape, steps }: Pick<TensorEdit, 'shape' | 'steps'>): number {
  const columns = shape.at(-1) ?? 1;
  const rows = elementCount(shape) / Math.max(1, columns);
  return steps.reduce((sum, step) => {
    if (step.kind === 'lowRank')
      return sum + 4 * (step.rank * (rows + columns) + (step.magnitude === undefined ? 0 : Math.max(rows, columns)));
    return sum + 4 * (step.kind === 'vector' ? Math.max(rows, columns) : step.tokens.length * columns);
  }, 0);
}
