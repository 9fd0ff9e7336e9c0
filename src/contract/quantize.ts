import { z } from 'zod';
import { call } from './define.ts';
import { count, fraction, id, path, sha256, sizeBytes, timeMs } from './shared.ts';
import { errorData } from './wire.ts';

/** What a model can be turned into, what that will look like, and what it cost in quality. The work itself is a job. */

export const outputFormat = z.enum(['hf', 'gguf']);

/** A target of core's `targets.ts`: `int8`, `nf4-dq`, `gptq-4`, or a GGUF type or mix such as `Q4_K_M`. */
export const quantizeTarget = z.string().min(1).max(32);

export const quantizeOptions = z.object({
  /** GPTQ: inputs that share a scale; -1 is the whole row. */
  groupSize: z.union([z.literal(32), z.literal(64), z.literal(128), z.literal(-1)]).default(128),
  /** NF4 and FP4: weights that share an absmax. */
  blockSize: z
    .union([
      z.literal(32),
      z.literal(64),
      z.literal(128),
      z.literal(256),
      z.literal(512),
      z.literal(1024),
      z.literal(2048),
      z.literal(4096),
    ])
    .default(64),
  symmetric: z.boolean().default(true),
  actOrder: z.boolean().default(false),
  staticGroups: z.boolean().default(false),
  trueSequential: z.boolean().default(true),
  /** Share of the mean Hessian diagonal. */
  dampPercent: z.number().gt(0).lt(1).default(0.01),
  /** 0: off. GPTQ's search for each group's range; the reference uses 2.4. */
  mseExponent: z.number().min(0).max(8).default(0),
  checkpointFormat: z.enum(['gptq', 'gptq_v2']).default('gptq'),
  /** The user's text for calibration; null: the one that comes with Lathe. */
  calibrationPath: path.nullable().default(null),
  /** Windows of the calibration text, and tokens of each. */
  calibrationWindows: z.int().min(1).max(4096).default(128),
  calibrationContext: z.int().min(8).max(32_768).default(512),
  imatrixPath: path.nullable().default(null),
  /** The first pattern that is found in a tensor's name decides its type. */
  overrides: z
    .array(z.object({ pattern: z.string().min(1).max(200), type: z.string().min(1).max(16) }))
    .max(100)
    .default([]),
  /** One type for every matrix, no mix. */
  pure: z.boolean().default(false),
  /** The output matrix stays as it is. */
  keepOutput: z.boolean().default(false),
});
export type QuantizeOptions = z.output<typeof quantizeOptions>;

/** How the loss is measured. */
export const qualityOptions = z.object({
  /** Null: the text that comes with Lathe. */
  textPath: path.nullable().default(null),
  /** Shortened to what the model was trained on. */
  contextLength: z.int().min(8).max(1_048_576).default(512),
  /** Null: the whole text. */
  windows: z.int().min(1).max(1_000_000).nullable().default(32),
});

/** A target for one model, in one line of the recipe table. */
export const recipe = z.object({
  target: quantizeTarget,
  format: outputFormat,
  /** Exact, from the plan. Null where the target is not possible for this model; `problem` says why. */
  sizeBytes: sizeBytes.nullable(),
  bitsPerWeight: z.number().nullable(),
  /** Too coarse to be any good without an importance matrix, and there is none. */
  needsImatrix: z.boolean(),
  /** Runs the model on a text first. */
  needsCalibration: z.boolean(),
  problem: errorData.nullable(),
});
export type Recipe = z.output<typeof recipe>;

export const plannedTensor = z.object({
  name: z.string(),
  /** Null for what belongs to no layer. */
  layer: count.nullable(),
  shape: z.array(count),
  from: z.string(),
  to: z.string(),
  sizeBytes,
  /** `mix`: by the recipe; `override`: by the user; `fallback`: its rows did not fit; `kept`: never quantized; `exact`: repacked bit for bit. */
  why: z.enum(['mix', 'override', 'fallback', 'kept', 'exact']),
});

export const quantizePlan = z.object({
  target: quantizeTarget,
  format: outputFormat,
  sizeBytes,
  bitsPerWeight: z.number(),
  memoryBytes: sizeBytes,
  /** Beside the result, while it is made: the working model of a calibration, say. */
  scratchBytes: sizeBytes,
  /** Times that the calibration text goes through the model. */
  calibrationPasses: count,
  warnings: z.array(errorData),
  tensors: z.array(plannedTensor),
});
export type QuantizePlan = z.output<typeof quantizePlan>;

export const tensorError = z.object({
  name: z.string(),
  to: z.string(),
  /** ‖w − ŵ‖ / ‖w‖ */
  relativeError: z.number(),
});

/** Inputs of a matrix that reach LLM.int8()'s threshold of 6.0 on the calibration text: at run time they are computed in 16 bits. */
export const outlierColumns = z.object({
  name: z.string(),
  inputs: count,
  /** Of them the first thousand. */
  columns: z.array(count).max(1000),
  count,
});

/** What one file lost against another, measured on a text. KL divergence in nats. */
export const qualityMeasure = z.object({
  textName: z.string(),
  textSha256: sha256,
  contextLength: count,
  windows: count,
  /** Predictions that were scored. */
  tokens: count,
  perplexity: z.number(),
  sourcePerplexity: z.number(),
  meanKl: z.number(),
  /** Of the mean: one standard error. */
  meanKlError: z.number(),
  /** 99.9 % of the predictions diverge less. */
  kl999: z.number(),
  maxKl: z.number(),
  /** How often both hold the same token for the most likely one. */
  topOneAgreement: fraction,
  /** Of all tensors that both have, the ones that changed most, worst first; at most twenty. */
  worstTensors: z.array(tensorError).max(20),
  /** Greedy continuations of five places of the text. */
  samples: z.array(z.object({ prompt: z.string(), source: z.string(), variant: z.string() })).max(5),
});
export type QualityMeasure = z.output<typeof qualityMeasure>;

/** A measure in the library: of what, against what, when, with what. */
export const qualityCard = z.object({
  id,
  modelId: id,
  /** Null when the source is no longer in the library. */
  sourceId: id.nullable(),
  sourceName: z.string(),
  measure: qualityMeasure,
  madeMs: timeMs,
  durationMs: z.number(),
  versions: z.record(z.string(), z.string()),
});
export type QualityCard = z.output<typeof qualityCard>;

const request = { modelId: id, options: quantizeOptions.prefault({}) };

export const quantize = {
  /** Every target of the model under the options, in the order of their size classes. */
  recipes: call(z.object(request), z.array(recipe)),
  /** One of them to the last tensor. Throws what makes it impossible. */
  plan: call(z.object({ ...request, target: quantizeTarget, format: outputFormat.optional() }), quantizePlan),
  /** The cards of a model and of everything that was made from it, newest first. */
  cards: call(z.object({ modelId: id }), z.array(qualityCard)),
};
