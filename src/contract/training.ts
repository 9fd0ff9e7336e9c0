import { z } from 'zod';
import { templateNames } from '#core/training/templates.ts';
import { call, stream } from './define.ts';
import { count, fraction, id, none, path, sha256, sizeBytes, timeMs } from './shared.ts';
import { errorData } from './wire.ts';

/** Training runs: what is learned from, with which settings, and what came of it. The work itself is a job of the kind `train`. */

/** Under TRL's and PEFT's names; what is left out has the template's value. `core/training/settings.ts` says what each may be. */
export const givenSettings = z.record(z.string().max(100), z.unknown());

export const templateName = z.enum(templateNames);

/** Which of a record's fields are what, where they are called otherwise. */
export const dataColumns = z.object({
  system: z.string().max(200).optional(),
  prompt: z.string().max(200).optional(),
  completion: z.string().max(200).optional(),
  messages: z.string().max(200).optional(),
  text: z.string().max(200).optional(),
});
export type DataColumns = z.output<typeof dataColumns>;

export const dataProblem = z.object({
  line: count,
  kind: z.enum([
    'invalidJson',
    'notAnArray',
    'unclosedQuote',
    'wrongColumns',
    'unknownShape',
    'emptyText',
    'unknownRole',
    'noAnswer',
    /** The model's template gave up on the conversation. */
    'templateFailed',
    /** A character that the model has no token for. */
    'unsupportedText',
    /** All that would be trained lies beyond `max_length`, or nobody's words are trained. */
    'nothingTrained',
  ]),
});
export type DataProblem = z.output<typeof dataProblem>;

/** A sample as the model sees it: pieces of text, each trained or not. */
export const dataSample = z.object({
  line: count,
  tokens: count,
  trained: count,
  truncated: z.boolean(),
  pieces: z.array(z.object({ text: z.string(), trained: z.boolean() })),
});

export const dataReport = z.object({
  /** Of the file. */
  sha256,
  sizeBytes,
  samples: count,
  /** Records that cannot be used; at most a hundred are named. A run leaves them out. */
  problemCount: count,
  problems: z.array(dataProblem).max(100),
  shapes: z.object({ messages: count, completion: count, text: count }),
  /** Names of the fields of the first records, to assign where they are not recognised. */
  fields: z.array(z.string()),
  tokens: count,
  trainedTokens: count,
  longest: count,
  medianLength: count,
  /** Numbers of samples by tokens, `from` included. */
  lengths: z.array(z.object({ from: count, to: count, samples: count })),
  /** Samples that are cut at `max_length`, and what that takes away. */
  truncatedSamples: count,
  truncatedTokens: count,
  /** Lines of samples that were there before. */
  duplicates: z.array(z.object({ line: count, firstLine: count })).max(100),
  duplicateCount: count,
  trainSamples: count,
  evaluationSamples: count,
  /** Of an epoch, packed where that is asked for. */
  rows: count,
  stepsPerEpoch: count,
  totalSteps: count,
  shown: z.array(dataSample),
});
export type DataReport = z.output<typeof dataReport>;

/** A graphics card that can train, by the name that `device` takes. */
export const trainingDevice = z.object({ name: z.string(), description: z.string(), memoryBytes: sizeBytes });

/** What is trained of a model. */
export const trainingPreview = z.object({
  architecture: z.string(),
  modules: z.array(z.object({ tensor: z.string(), rank: count, scale: z.number(), parameters: count })),
  trainableParameters: count,
  totalParameters: count,
  hasChatTemplate: z.boolean(),
  contextLength: count.nullable(),
});

/** Under TRL's names; null where it was not measured at this step. */
export const logEntry = z.object({
  step: count,
  epoch: z.number(),
  /** Mean negative log-likelihood of the trained tokens since the last entry, in nats. */
  loss: z.number().nullable(),
  eval_loss: z.number().nullable(),
  grad_norm: z.number().nullable(),
  learning_rate: z.number(),
  /** Since the beginning of the run, without padding. */
  num_tokens: count,
  mean_token_accuracy: fraction.nullable(),
  entropy: z.number().nullable(),
  tokens_per_second: z.number().nullable(),
  /** Of the trainer's process. */
  memory_bytes: sizeBytes,
  seconds_left: z.number().nullable(),
});
export type LogEntry = z.output<typeof logEntry>;

export const trainingSample = z.object({ step: count, prompt: z.string(), text: z.string() });

/** What the model said before the run and after it, to the same prompts, always its likeliest token. */
export const trainingComparison = z.object({
  madeMs: timeMs,
  pairs: z.array(z.object({ prompt: z.string(), before: z.string(), after: z.string() })),
});
export type TrainingComparison = z.output<typeof trainingComparison>;

export const checkpoint = z.object({ step: count, sizeBytes, isBest: z.boolean(), savedMs: timeMs });

/** Why a run ended. */
export const endReason = z.enum(['completed', 'stopped', 'earlyStopped', 'trouble']);

export const trainingResult = z.object({
  reason: endReason,
  /** Steps that the result has had. */
  step: count,
  /** Library items; a full training has a model in place of the adapter, DoRA a PEFT folder alone. */
  modelIds: z.array(id),
  paths: z.array(z.string()),
  /** What a user should know: a spike, a divergence, with a suggestion. */
  warnings: z.array(errorData),
  durationMs: z.number(),
});
export type TrainingResult = z.output<typeof trainingResult>;

export const runConfig = z.object({
  baseId: id,
  baseName: z.string(),
  dataPath: path,
  columns: dataColumns,
  name: z.string(),
  template: templateName,
  /** What was given beside the template. */
  given: givenSettings,
  /** All of them. */
  settings: z.record(z.string(), z.unknown()),
  outputFolder: path,
  /** Of a GGUF or PEFT adapter that the run goes on with. */
  adapterId: id.nullable(),
  device: z.string(),
  createdMs: timeMs,
});

export const trainingRun = z.object({
  id,
  config: runConfig,
  dataSha256: sha256,
  baseSha256: sha256.nullable(),
  /** `waiting`: queued; `paused`: can go on. */
  state: z.enum(['waiting', 'running', 'paused', 'failed', 'done']),
  /** The job that works on it, or did. */
  jobId: id.nullable(),
  error: errorData.nullable(),
  totalSteps: count.nullable(),
  last: logEntry.nullable(),
  checkpoints: z.array(checkpoint),
  result: trainingResult.nullable(),
});
export type TrainingRun = z.output<typeof trainingRun>;

export const trainingEvent = z.discriminatedUnion('type', [
  /** At first, and when anything but the log changed. */
  z.object({ type: z.literal('run'), run: trainingRun }),
  z.object({ type: z.literal('log'), entry: logEntry }),
  z.object({ type: z.literal('sample'), sample: trainingSample }),
  z.object({ type: z.literal('checkpoint'), checkpoint }),
]);
export type TrainingEvent = z.output<typeof trainingEvent>;

export const startTraining = z.object({
  baseId: id,
  dataPath: path,
  columns: dataColumns.default({}),
  name: z.string().trim().min(1).max(200),
  template: templateName.default('instructions'),
  settings: givenSettings.default({}),
  /** Default: the library's own folder. */
  outputFolder: path.optional(),
  adapterId: id.nullable().default(null),
  device: z.string().max(200).default('CPU'),
});

const runId = z.object({ runId: id });

export const training = {
  /** A dataset as a model sees it. Throws `train.*`, `disk.*`, `chat.*`. */
  checkData: call(
    z.object({
      baseId: id,
      dataPath: path,
      columns: dataColumns.default({}),
      template: templateName.default('instructions'),
      settings: givenSettings.default({}),
      /** Samples to show, and from which on. */
      shown: z.int().min(0).max(50).default(5),
      first: count.default(0),
    }),
    dataReport,
  ),
  /** Names of the fields of a dataset's first records. Throws `train.unreadableData`, `train.dataTooLarge`, `disk.*`. */
  fields: call(z.object({ dataPath: path }), z.object({ fields: z.array(z.string()) })),
  /** Samples that come with Lathe, for a first run with the demo model. */
  demoData: call(none, z.object({ path })),
  preview: call(
    z.object({ baseId: id, template: templateName.default('instructions'), settings: givenSettings.default({}) }),
    trainingPreview,
  ),
  /** Cards that can train, beside the processor (`CPU`). */
  devices: call(none, z.object({ devices: z.array(trainingDevice) })),
  /** Begin a run, as a job. */
  start: call(startTraining, trainingRun),
  /** Newest first. */
  runs: call(none, z.array(trainingRun)),
  /** A run with its curve and its samples. */
  get: call(
    runId,
    z.object({ run: trainingRun, log: z.array(logEntry), samples: z.array(trainingSample), comparison: trainingComparison.nullable() }),
  ),
  /**
   * Let the base and what a run made of it answer the same prompts; the answers are kept with the run in place of earlier ones.
   * Throws `train.nothingToCompare`, `engine.*`.
   */
  compare: call(
    runId.extend({
      prompts: z.array(z.string().min(1).max(10_000)).min(1).max(16),
      /** The most that is said to each. */
      tokens: z.int().min(1).max(1024).default(96),
    }),
    trainingComparison,
  ),
  /** A run as it is now, and every change from then on, until it has ended or waits. */
  follow: stream(runId, trainingEvent),
  /** Save a checkpoint and let go of memory and device; `resume` goes on from there. */
  pause: call(runId, trainingRun),
  /** Save a checkpoint and go on. */
  checkpoint: call(runId, none),
  /** End here, with what was learned so far as the result. */
  stop: call(runId, none),
  /** Go on from the last checkpoint, or begin where there is none. */
  resume: call(runId, trainingRun),
  /** Remove a run with its checkpoints. What it made stays in the library. */
  remove: call(runId, none),
  /** The run as a recipe of another program: its YAML and the dataset, written into a new folder. */
  exportRecipe: call(
    runId.extend({ format: z.enum(['llama-factory', 'axolotl']), outputFolder: path }),
    z.object({ files: z.array(z.string()) }),
  ),
};
