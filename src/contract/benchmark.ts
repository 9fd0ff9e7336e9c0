import { z } from 'zod';
import { cacheTypes } from '#core/memory/cache-types.ts';
import { presetNames } from '#core/benchmark/sweep.ts';
import { adapterScale, adapterUse } from './adapters.ts';
import { call, stream } from './define.ts';
import { count, fraction, id, path, sha256, sizeBytes, timeMs } from './shared.ts';
import { errorData } from './wire.ts';

/**
 * Benchmarks: how fast variants of a model are on this computer, what memory they take, what they know. A run is a list of cells, each one
 * measurement of one target; a cell is saved when it is finished, so a run can be cancelled and gone on with. The work is a job.
 */

/** Tokens that a cell may have in its context, as in core's sweep. */
const tokens = z.int().max(1_048_576);

/** How a speed cell runs. `threads` 0: as many as the user's settings say. */
export const speedSettings = z.object({
  /** Read at once. */
  promptTokens: tokens.min(1),
  /** Made one after another. */
  newTokens: tokens.min(1),
  /** Tokens that the context holds before either. */
  context: tokens.min(0),
  /** After one that only warms up. */
  repetitions: z.int().min(1).max(1000),
  batch: z.int().min(1).max(65_536),
  ubatch: z.int().min(1).max(65_536),
  keyType: z.enum(cacheTypes),
  valueType: z.enum(cacheTypes),
  flashAttention: z.enum(['auto', 'off', 'on']),
  threads: z.int().min(0).max(512),
  gpuLayers: z.int().min(0).max(1000),
});

/** Values to be tried, by setting; every combination is a cell. What is not swept is the preset's. */
const values = <S extends z.ZodType>(setting: S) => z.array(setting).min(1).max(64).optional();
export const benchmarkSweep = z.object({
  promptTokens: values(speedSettings.shape.promptTokens),
  newTokens: values(speedSettings.shape.newTokens),
  context: values(speedSettings.shape.context),
  repetitions: values(speedSettings.shape.repetitions),
  batch: values(speedSettings.shape.batch),
  ubatch: values(speedSettings.shape.ubatch),
  keyType: values(speedSettings.shape.keyType),
  valueType: values(speedSettings.shape.valueType),
  flashAttention: values(speedSettings.shape.flashAttention),
  threads: values(speedSettings.shape.threads),
  gpuLayers: values(speedSettings.shape.gpuLayers),
});

/** What is measured. Sweeping over adapters is naming the same model several times, with others beside its weights. */
export const benchmarkTarget = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('local'), modelId: id, adapters: z.array(adapterUse).max(16).default([]) }),
  /** A model behind an OpenAI-compatible endpoint: speed and own prompts alone. */
  z.object({ kind: z.literal('remote'), engineId: id, model: z.string().min(1).max(512) }),
]);
export type BenchmarkTarget = z.output<typeof benchmarkTarget>;

/** How quality is measured on a text: windows without overlap, predictions of the second half scored, as llama-perplexity does. */
export const benchmarkQuality = z.object({
  /** The model that the others are held against; null: perplexity alone. */
  baseId: id.nullable().default(null),
  /** Null: the text that comes with Lathe. */
  textPath: path.nullable().default(null),
  /** Tokens of a window; shortened to what the models were trained on. */
  contextLength: z.int().min(8).max(1_048_576).default(512),
  /** Null: the whole text. */
  windows: z.int().min(1).max(1_000_000).nullable().default(32),
});

/** Prompts of the user's own: answered by every target, the likeliest token each time. */
export const benchmarkPrompts = z.object({
  texts: z.array(z.string().min(1).max(100_000)).min(1).max(32),
  systemPrompt: z.string().max(100_000).default(''),
  maxTokens: z.int().min(1).max(16_384).default(256),
});

export const benchmarkRequest = z.object({
  /** Empty: named after its models. */
  name: z.string().trim().max(200).default(''),
  targets: z.array(benchmarkTarget).min(1).max(64),
  preset: z.enum(presetNames).default('quick'),
  sweep: benchmarkSweep.prefault({}),
  /** Whether speed is measured. One of this and the next three must be asked for. */
  speed: z.boolean().default(true),
  quality: benchmarkQuality.nullable().default(null),
  /** A file of questions with answers; the form is that of core's `benchmark/questions.ts`. */
  questionsPath: path.nullable().default(null),
  prompts: benchmarkPrompts.nullable().default(null),
});
export type BenchmarkRequest = z.output<typeof benchmarkRequest>;

/** Repeated measurements of one thing: core's `Summary`, with the values that it is of, in the order they were made. */
export const series = z.object({
  samples: z.array(z.number()),
  median: z.number(),
  /** The confidence interval of the median, and how sure it is: less than 0.95 of fewer than six values. */
  low: z.number(),
  high: z.number(),
  confidence: fraction,
  /** Places among the samples that are far from the others. */
  outliers: z.array(count),
});
export type Series = z.output<typeof series>;

export const speedResult = z.object({
  kind: z.literal('speed'),
  /** Tokens a second of reading a prompt, and of an answer. Null where an endpoint does not tell how many there were. */
  promptPerSecond: series.nullable(),
  newPerSecond: series.nullable(),
  /** From the question to the first token of the answer; of a remote target with the way there and back. */
  firstTokenMs: series.nullable(),
  /** Loading the model, the file mostly in the system's cache; null of remote targets. */
  loadMs: z.number().nullable(),
  /** Most memory of the engine's process beyond what it had before the model; null of remote targets. */
  peakMemoryBytes: sizeBytes.nullable(),
  /** Most memory of the graphics cards beyond what was taken before; null where there is none. */
  peakVramBytes: sizeBytes.nullable(),
  /** Of the whole processor, for each token of an answer; null where the system does not tell (RAPL). */
  joulesPerToken: z.number().nullable(),
  /** Share of all cores that other programs took meanwhile; null where the system does not tell. */
  backgroundLoad: fraction.nullable(),
  /** Threads that it ran on; null of remote targets. */
  threads: count.nullable(),
});

export const qualityResult = z.object({
  kind: z.literal('quality'),
  /** Of the text's file, without its folders. */
  textName: z.string(),
  textSha256: sha256,
  contextLength: count,
  windows: count,
  /** Predictions that were scored. */
  tokens: count,
  perplexity: z.number(),
  /** One standard error. */
  perplexityError: z.number(),
  /** Against the base; null where there is none. KL divergence in nats a token. */
  against: z
    .object({
      name: z.string(),
      perplexity: z.number(),
      meanKl: z.number(),
      /** Of the mean: one standard error. */
      meanKlError: z.number(),
      medianKl: z.number(),
      /** 99.9 % of the predictions diverge less. */
      kl999: z.number(),
      maxKl: z.number(),
      /** How often both hold the same token for the most likely one. */
      topOneAgreement: fraction,
    })
    .nullable(),
});

/** A share of questions, with Wilson's interval of 95 %. */
const share = z.object({ count, right: count, share: fraction, low: fraction, high: fraction });

export const questionsResult = z.object({
  kind: z.literal('questions'),
  fileName: z.string(),
  fileSha256: sha256,
  /** Right where each token of the answer is the likeliest. Null where the file has none of the kind. */
  cloze: share.extend({ meanLogLikelihood: z.number() }).nullable(),
  /** Right where the right choice has the largest mean log-likelihood. */
  choice: share.nullable(),
  /** Question by question, in the order of the file; the first thousand. */
  items: z
    .array(
      z.object({
        id: z.string(),
        kind: z.enum(['cloze', 'choice']),
        isRight: z.boolean(),
        /** Of a token of the answer, in the mean: of each choice, or of the one answer. */
        logLikelihoods: z.array(z.number()),
      }),
    )
    .max(1000),
});

export const promptsResult = z.object({
  kind: z.literal('prompts'),
  outputs: z.array(
    z.object({
      prompt: z.string(),
      text: z.string(),
      stopReason: z.string(),
      /** Null where an endpoint does not tell. */
      tokens: count.nullable(),
      firstTokenMs: z.number().nullable(),
      tokensPerSecond: z.number().nullable(),
    }),
  ),
});
export type PromptsResult = z.output<typeof promptsResult>;

export const cellResult = z.discriminatedUnion('kind', [speedResult, qualityResult, questionsResult, promptsResult]);
export type CellResult = z.output<typeof cellResult>;

/** What a cell measures. */
export const cellTask = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('speed'), settings: speedSettings }),
  z.object({ kind: z.literal('quality') }),
  z.object({ kind: z.literal('questions') }),
  z.object({ kind: z.literal('prompts') }),
]);
export type CellTask = z.output<typeof cellTask>;

export const benchmarkCell = z.object({
  id,
  /** Place among the run's cells, and of its target among the run's targets. */
  position: count,
  target: count,
  task: cellTask,
  state: z.enum(['waiting', 'running', 'done', 'failed']),
  result: cellResult.nullable(),
  /** Of a failed one. */
  error: errorData.nullable(),
  madeMs: timeMs.nullable(),
  durationMs: z.number().nullable(),
});
export type BenchmarkCell = z.output<typeof benchmarkCell>;

/** A target as it was when the run began. It may have left the library since. */
export const measuredTarget = z.object({
  kind: z.enum(['local', 'remote']),
  /** In this library; null where it is not there, and of remote targets. */
  modelId: id.nullable(),
  name: z.string(),
  architecture: z.string().nullable(),
  quantization: z.string().nullable(),
  parameterCount: z.number().nullable(),
  sizeBytes: sizeBytes.nullable(),
  sha256: sha256.nullable(),
  /** Beside its weights. */
  adapters: z.array(z.object({ name: z.string(), scale: adapterScale })),
});
export type MeasuredTarget = z.output<typeof measuredTarget>;

/** The computer, and what ran on it. */
export const benchmarkEnvironment = z.object({
  /** What the user would call it: processor and cards in one line. */
  name: z.string(),
  processor: z.string(),
  cores: count,
  memoryBytes: sizeBytes,
  platform: z.string(),
  /** Cards that llama.cpp can use. */
  devices: z.array(z.object({ name: z.string(), memoryBytes: sizeBytes })),
  /** llama.cpp's own words about what it was built for and found. */
  features: z.string(),
  versions: z.record(z.string(), z.string()),
});
export type BenchmarkEnvironment = z.output<typeof benchmarkEnvironment>;

export const benchmarkRun = z.object({
  id,
  name: z.string(),
  /** What was asked for; null of an imported run. */
  request: benchmarkRequest.nullable(),
  preset: z.enum(presetNames),
  targets: z.array(measuredTarget),
  /** The model that quality is held against. */
  base: z.object({ modelId: id.nullable(), name: z.string() }).nullable(),
  /** Null until the first cell begins. */
  environment: benchmarkEnvironment.nullable(),
  /** Measured on another computer, or by another copy of Lathe. */
  isImported: z.boolean(),
  /** `waiting`: queued; `paused`: cells are missing, and `resume` goes on with them; `failed`: likewise, and `error` says why. */
  state: z.enum(['waiting', 'running', 'paused', 'failed', 'done']),
  /** The job that works on it, or did. */
  jobId: id.nullable(),
  error: errorData.nullable(),
  cells: z.object({ total: count, done: count, failed: count }),
  createdMs: timeMs,
});
export type BenchmarkRun = z.output<typeof benchmarkRun>;

/** A run as a file: what `export` writes as JSON and `import` reads. Nothing in it names a folder of the computer. */
export const benchmarkFile = z.object({
  format: z.literal('lathe-benchmark'),
  version: z.literal(1),
  name: z.string().max(200),
  preset: z.enum(presetNames),
  createdMs: timeMs,
  environment: benchmarkEnvironment.nullable(),
  base: z.string().nullable(),
  targets: z
    .array(measuredTarget.omit({ modelId: true }))
    .min(1)
    .max(64),
  cells: z.array(benchmarkCell.omit({ id: true, position: true })).max(4096),
});
export type BenchmarkFile = z.output<typeof benchmarkFile>;

export const benchmarkEvent = z.discriminatedUnion('type', [
  /** At first, and when anything but a cell changed. */
  z.object({ type: z.literal('run'), run: benchmarkRun }),
  /** Each cell at first, then those that changed. */
  z.object({ type: z.literal('cell'), cell: benchmarkCell }),
]);
export type BenchmarkEvent = z.output<typeof benchmarkEvent>;

const runId = z.object({ runId: id });

export const benchmark = {
  /**
   * What a run would measure, and about how long it takes: by what was measured before, or by the models' sizes; null with remote targets.
   * Throws `benchmark.*`.
   */
  plan: call(benchmarkRequest, z.object({ cells: count, estimateMs: z.number().nullable() })),
  /** Begin a run, as a job. Throws `benchmark.*`, and what is wrong with a model or file that is named. */
  start: call(benchmarkRequest, benchmarkRun),
  /** Newest first; those with a model among their targets, or all. */
  runs: call(z.object({ modelId: id.optional() }), z.array(benchmarkRun)),
  get: call(runId, z.object({ run: benchmarkRun, cells: z.array(benchmarkCell) })),
  /** A run as it is now, and every change from then on, until it is not at work any more. */
  follow: stream(runId, benchmarkEvent),
  /** Stop at once. Finished cells stay, the one at work is measured again by `resume`. */
  cancel: call(runId, benchmarkRun),
  /** Go on with the cells that are missing; `again` measures failed ones once more. */
  resume: call(runId.extend({ again: z.boolean().default(true) }), benchmarkRun),
  remove: call(runId, benchmarkRun.pick({ id: true })),
  /** The run as a text to be saved or pasted: JSON with hardware and versions, or Markdown tables. */
  export: call(runId.extend({ format: z.enum(['json', 'markdown']) }), z.object({ fileName: z.string(), text: z.string() })),
  /** A run of another computer, from its JSON file. Throws `benchmark.badFile`, `disk.*`. */
  import: call(z.object({ path }), benchmarkRun),
  /** What was measured of a model, newest first, at most 500 cells. */
  history: call(
    z.object({ modelId: id }),
    z.array(z.object({ runId: id, runName: z.string(), target: measuredTarget, environment: z.string().nullable(), cell: benchmarkCell })),
  ),
};
