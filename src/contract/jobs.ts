import { z } from 'zod';
import { adapterFormat, adapterResult, adapterUses, certificate, certifyOptions, combineOptions } from './adapters.ts';
import { call, stream } from './define.ts';
import { count, fraction, id, none, path, timeMs } from './shared.ts';
import { outlierColumns, outputFormat, qualityCard, qualityOptions, quantizeOptions, quantizeTarget, tensorError } from './quantize.ts';
import { trainingResult } from './training.ts';
import { errorData } from './wire.ts';

/** Long work. Each kind has its spec here and its runner in src/main/jobs; every kind looks the same to the user. */

export const jobSpec = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('quantize'),
    modelId: id,
    target: quantizeTarget,
    /** Default: the target's first. */
    format: outputFormat.optional(),
    /** A file for GGUF, else a folder. */
    outputPath: path,
    name: z.string().optional(),
    options: quantizeOptions.prefault({}),
    /** How to measure what was lost; null: not now. */
    quality: qualityOptions.nullable().prefault({}),
  }),
  /** An importance matrix, as a file that llama.cpp reads. */
  z.object({
    kind: z.literal('calibrate'),
    modelId: id,
    textPath: path.nullable().default(null),
    /** Ends in .gguf, or in .dat for the format of before 2025. */
    outputPath: path,
    contextLength: z.int().min(8).max(32_768).default(512),
    /** Null: the whole text. */
    windows: z.int().min(1).max(1_000_000).nullable().default(null),
  }),
  z.object({ kind: z.literal('quality'), modelId: id, sourceId: id, options: qualityOptions.prefault({}) }),
  z.object({
    kind: z.literal('merge'),
    baseId: id,
    adapters: adapterUses,
    /** Null: every tensor in the type that it has. */
    target: quantizeTarget.nullable().default(null),
    format: outputFormat.optional(),
    outputPath: path,
    name: z.string().optional(),
    options: quantizeOptions.prefault({}),
    /** How to prove the merge; null: not now. */
    certify: certifyOptions.nullable().prefault({}),
  }),
  z.object({
    kind: z.literal('combine'),
    adapters: adapterUses,
    options: combineOptions,
    /** Needed where the format is not that of the adapters. */
    baseId: id.nullable().default(null),
    format: adapterFormat,
    outputPath: path,
    name: z.string().optional(),
  }),
  z.object({
    kind: z.literal('extract'),
    baseId: id,
    tunedId: id,
    /** One of both decides; both null: the rank that keeps 95 % of the energy. */
    rank: z.int().min(1).max(4096).nullable().default(null),
    energy: fraction.nullable().default(null),
    format: adapterFormat,
    outputPath: path,
    name: z.string().optional(),
  }),
  z.object({
    kind: z.literal('convertAdapter'),
    adapterId: id,
    baseId: id,
    format: adapterFormat,
    outputPath: path,
    name: z.string().optional(),
  }),
  z.object({ kind: z.literal('certify'), baseId: id, adapters: adapterUses, mergedId: id, options: certifyOptions.prefault({}) }),
  /** Compare the files with their recorded sha256, or record it when there is none yet. */
  z.object({ kind: z.literal('verify'), modelId: id }),
  /** A run of `training.start`, from its beginning or its last checkpoint. */
  z.object({ kind: z.literal('train'), runId: id, baseId: id, name: z.string() }),
  /** A run of `benchmark.start`, cell by cell. */
  z.object({ kind: z.literal('benchmark'), runId: id, name: z.string(), models: z.array(z.object({ modelId: id })) }),
  z.object({ kind: z.literal('demo'), name: z.string().trim().min(1).max(200) }),
  z.object({
    kind: z.literal('perplexity'),
    modelId: id,
    textPath: path,
    contextLength: z.int().min(8).max(1_048_576),
  }),
]);
export type JobSpec = z.output<typeof jobSpec>;

export const jobResult = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('quantize'),
    modelId: id,
    path,
    sizeBytes: count,
    durationMs: z.number(),
    /** No failures: what the user should know of the result. */
    warnings: z.array(errorData),
    /** Tensors that an interrupted run had finished. */
    resumedTensors: count,
    /** At most twenty, worst first. */
    worstTensors: z.array(tensorError),
    /** Of INT8, matrix by matrix. */
    outliers: z.array(outlierColumns),
    card: qualityCard.nullable(),
    /** Why there is no card: the file is made nevertheless. */
    cardProblem: errorData.nullable(),
  }),
  z.object({
    kind: z.literal('calibrate'),
    path,
    sizeBytes: count,
    matrices: count,
    windows: count,
    tokens: count,
    durationMs: z.number(),
  }),
  z.object({ kind: z.literal('quality'), card: qualityCard }),
  z.object({
    kind: z.literal('merge'),
    modelId: id,
    path,
    sizeBytes: count,
    durationMs: z.number(),
    warnings: z.array(errorData),
    resumedTensors: count,
    changedTensors: count,
    certificate: certificate.nullable(),
    /** Why there is no certificate: the model is made nevertheless. */
    certificateProblem: errorData.nullable(),
  }),
  z.object({ kind: z.literal('combine'), ...adapterResult }),
  /** `residual`: ‖ΔW − B·A‖ / ‖ΔW‖ over all matrices. */
  z.object({ kind: z.literal('extract'), ...adapterResult, rank: count, residual: z.number() }),
  z.object({ kind: z.literal('convertAdapter'), ...adapterResult }),
  z.object({ kind: z.literal('certify'), certificate }),
  z.object({ kind: z.literal('verify'), matches: z.boolean(), sha256: z.string(), changedFiles: z.array(z.string()) }),
  z.object({ kind: z.literal('train'), runId: id, ...trainingResult.shape }),
  z.object({ kind: z.literal('benchmark'), runId: id, done: count, failed: count }),
  z.object({ kind: z.literal('demo'), modelId: id }),
  z.object({
    kind: z.literal('perplexity'),
    perplexity: z.number(),
    standardError: z.number(),
    /** Predictions that were scored. */
    tokens: count,
    windows: count,
    contextLength: count,
    method: z.string(),
  }),
]);

export const jobState = z.enum(['queued', 'running', 'done', 'failed', 'cancelled', 'interrupted']);

export const job = z.object({
  id,
  spec: jobSpec,
  lane: z.enum(['cpu', 'gpu']),
  state: jobState,
  /** Where the work is, as a key of the translations: `quantize.writing`. */
  phase: z.string().nullable(),
  /** What the phase is busy with: a tensor or file name. */
  detail: z.string().nullable(),
  fraction: fraction.nullable(),
  done: z.object({ amount: z.number(), total: z.number(), unit: z.enum(['bytes', 'tensors', 'tokens', 'windows', 'cells']) }).nullable(),
  ratePerSecond: z.number().nullable(),
  remainingMs: z.number().nullable(),
  result: jobResult.nullable(),
  error: errorData.nullable(),
  /** Whether a failed, cancelled or interrupted job can go on from where it was (else it starts again). */
  resumable: z.boolean(),
  createdMs: timeMs,
  startedMs: timeMs.nullable(),
  finishedMs: timeMs.nullable(),
});
export type Job = z.output<typeof job>;

export const jobEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('changed'), job }),
  z.object({ type: z.literal('removed'), jobId: id }),
]);

export const jobs = {
  list: call(none, z.array(job)),
  start: call(z.object({ spec: jobSpec }), job),
  cancel: call(z.object({ jobId: id }), job),
  /** Start a failed, cancelled or interrupted job again, from where it was if its kind can. */
  resume: call(z.object({ jobId: id }), job),
  /** Forget ended jobs: one, or all. Their results stay. */
  clear: call(z.object({ jobId: id.optional() }), none),
  /** One job until it ends: its present state at once, then every change. */
  watch: stream(z.object({ jobId: id }), job),
  changes: stream(none, jobEvent),
};
