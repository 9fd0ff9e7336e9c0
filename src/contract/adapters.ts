import { z } from 'zod';
import { call } from './define.ts';
import { count, fraction, id, sizeBytes, timeMs } from './shared.ts';
import { errorData } from './wire.ts';

/** LoRA adapters: what is in one, which models it fits, how much it changes, and what proves a merge. The work itself is a job. */

export const adapterFormat = z.enum(['peft', 'gguf']);

/** Far beyond any use: a model at ten times an adapter's strength says nothing of sense. Negative takes the adapter off. */
export const adapterScale = z.number().min(-100).max(100);

/** An adapter at a strength; 1 is what was trained. */
export const adapterUse = z.object({ adapterId: id, scale: adapterScale.default(1) });
export type AdapterUse = z.output<typeof adapterUse>;

export const adapterUses = z.array(adapterUse).min(1).max(16);

/** A low-rank change of one weight matrix. */
export const adapterModule = z.object({
  /** As the adapter names it. */
  weight: z.string(),
  kind: z.enum(['linear', 'embedding']),
  rank: count,
  inputs: count,
  outputs: count,
  /** alpha / rank, or alpha / √rank. */
  scale: z.number(),
  /** DoRA. */
  hasMagnitude: z.boolean(),
  hasBias: z.boolean(),
});

export const adapterDetails = z.object({
  format: adapterFormat,
  /** The model it was trained on, in its author's words. */
  baseName: z.string().nullable(),
  architecture: z.string().nullable(),
  modules: z.array(adapterModule),
  /** Tensors that it replaces as a whole. */
  replaced: z.array(z.string()),
  /** Embeddings of which it replaces some rows. */
  rows: z.array(z.object({ weight: z.string(), tokens: count })),
  parameterCount: count,
});
export type AdapterDetails = z.output<typeof adapterDetails>;

/** Whether an adapter fits a model: it does where there is no problem. */
export const adapterFit = z.object({ modelId: id, problems: z.array(errorData), warnings: z.array(errorData) });

/** How much adapters change a weight of a base: ‖ΔW‖ / ‖W‖. */
export const weightChange = z.object({ weight: z.string(), layer: count.nullable(), relativeChange: z.number() });

/** What a combination of adapters does to one weight. */
export const combinedChange = z.object({
  weight: z.string(),
  layer: count.nullable(),
  rank: count,
  /** ‖ΔW‖ of the result, and of the weighted sum of the adapters. */
  length: z.number(),
  sumLength: z.number(),
  /** How far the result is from that sum, as a share of it. */
  distance: z.number(),
  /** Where singular values are cut off: the share of ‖ΔW‖² that the first 1, 2, 3 … of them hold. */
  energy: z.array(z.number()).optional(),
});
export type CombinedChange = z.output<typeof combinedChange>;

/** How adapters become one; the words are PEFT's (`add_weighted_adapter`). */
export const combineMethod = z.enum([
  'cat',
  'linear',
  'svd',
  'ties',
  'ties_svd',
  'dare_linear',
  'dare_linear_svd',
  'dare_ties',
  'dare_ties_svd',
  'magnitude_prune',
  'magnitude_prune_svd',
]);

export const combineOptions = z.object({
  method: combineMethod,
  /** Of the result, where the method chooses one; null: the largest of the parts. */
  rank: z.int().min(1).max(4096).nullable().default(null),
  /** Share of the values that TIES, DARE and pruning keep. */
  density: z.number().gt(0).max(1).default(0.5),
  majoritySign: z.enum(['total', 'frequency']).default('total'),
  seed: z.int().min(0).max(0xffff_ffff).default(0),
});

export type CombineOptions = z.output<typeof combineOptions>;

export const certifyOptions = z.object({
  /** Null: the text that comes with Lathe. */
  textPath: z.string().nullable().default(null),
  contextLength: z.int().min(8).max(32_768).default(256),
  windows: z.int().min(1).max(1000).default(8),
});

export const verdict = z.enum(['green', 'amber', 'red']);

/** What a merged weight holds, seen against its base and what was to be added. */
export const certifiedTensor = z.object({
  name: z.string(),
  /** ‖merged − (W + ΔW)‖ / ‖W + ΔW‖ */
  relativeError: z.number(),
  /** What rounding to its type may cost. */
  bound: z.number(),
  /** ‖ΔW‖ / ‖W‖ */
  relativeChange: z.number(),
  /**
   * How much of the change is in the merged weight: ⟨merged − W, ΔW⟩ / ⟨ΔW, ΔW⟩. 1: as asked for; 2: merged twice; 0: not at
   * all. Null where the change is too small to be told from rounding.
   */
  strength: z.number().nullable(),
  verdict,
});

/** Held against the run-time model: base and adapters, the adapters beside the weights. KL divergence in nats. */
export const runtimeAgreement = z.object({
  windows: count,
  tokens: count,
  meanKl: z.number(),
  maxKl: z.number(),
  topOneAgreement: fraction,
  /** What rounding alone may cost: above it the verdict is no longer green. */
  boundMeanKl: z.number(),
  /** Divergence of the base alone from base and adapters: what the adapters do at all. */
  effectKl: z.number(),
});

export const certificateMeasure = z.object({
  verdict,
  /** Why it is not green, the gravest first; empty where it is. */
  findings: z.array(errorData),
  /** Null where llama.cpp cannot run the adapters beside the weights (DoRA, replaced tensors). */
  runtime: runtimeAgreement.nullable(),
  /** Worst first; at most fifty. */
  tensors: z.array(certifiedTensor).max(50),
  checkedTensors: count,
  changedTensors: count,
  samples: z.array(z.object({ prompt: z.string(), runtime: z.string(), merged: z.string() })).max(5),
});
export type CertificateMeasure = z.output<typeof certificateMeasure>;

/** The proof of a merge. */
export const certificate = z.object({
  id,
  /** Of the merged model. */
  modelId: id,
  /** Null when it is no longer in the library. */
  baseId: id.nullable(),
  baseName: z.string(),
  adapters: z.array(z.object({ adapterId: id.nullable(), name: z.string(), scale: adapterScale })),
  measure: certificateMeasure,
  madeMs: timeMs,
  durationMs: z.number(),
  versions: z.record(z.string(), z.string()),
});
export type Certificate = z.output<typeof certificate>;

export const adapters = {
  get: call(z.object({ adapterId: id }), adapterDetails),
  /** Every model of the library, with what keeps the adapter from it. */
  fits: call(z.object({ adapterId: id }), z.array(adapterFit)),
  /** Weight by weight, in the order of the model. Throws what keeps an adapter from the base. */
  preview: call(z.object({ baseId: id, adapters: adapterUses }), z.array(weightChange)),
  /** What combining would make of them, before anything is written. */
  previewCombined: call(
    z.object({ adapters: adapterUses, options: combineOptions, baseId: id.nullable().default(null) }),
    z.array(combinedChange),
  ),
  /** Of a model or of all that was made with an adapter, newest first. */
  certificates: call(z.object({ modelId: id }), z.array(certificate)),
};

/** Of a combined or extracted adapter. */
export const adapterResult = { modelId: id, path: z.string(), sizeBytes, durationMs: z.number(), warnings: z.array(errorData) };
