import { z } from 'zod';
import { runWishes } from '#core/training/run-files.ts';
import {
  adapterDetails,
  adapterFormat,
  adapterScale,
  certificateMeasure,
  certifyOptions,
  combinedChange,
  combineOptions,
  weightChange,
} from './adapters.ts';
import {
  answerFacts,
  answerFormat,
  answerText,
  loadStage,
  conversationSummary,
  promptMode,
  promptReport,
  sampling,
  stopReason,
  tool,
  toolCall,
} from './chat.ts';
import { benchmarkEnvironment, qualityResult, questionsResult, speedResult, speedSettings } from './benchmark.ts';
import { call, stream, type Contract } from './define.ts';
import {
  outlierColumns,
  outputFormat,
  qualityMeasure,
  qualityOptions,
  quantizeOptions,
  quantizePlan,
  quantizeTarget,
  recipe,
  tensorError,
} from './quantize.ts';
import {
  checkpoint,
  dataColumns,
  dataReport,
  endReason,
  givenSettings,
  logEntry,
  trainingDevice,
  trainingPreview,
  trainingSample,
} from './training.ts';
import { allocated, liveCard, loadSettings, modelShape } from './memory.ts';
import { errorData } from './wire.ts';
import { count, fraction, none, path, sha256, sizeBytes } from './shared.ts';

/** What main asks of its engine processes. One contract for each kind of engine; `health` is common to all. */

const health = {
  /** Answered at once by a live event loop: main restarts an engine that does not. */
  ping: call(none, z.object({ residentBytes: sizeBytes })),
  log: stream(none, z.object({ level: z.enum(['debug', 'info', 'warn', 'error']), text: z.string() })),
};

/** How far a long work is. `amount` and `total` are in `unit`. */
export const workProgress = z.object({
  type: z.literal('progress'),
  phase: z.string(),
  detail: z.string().nullable(),
  amount: z.number(),
  total: z.number(),
  unit: z.enum(['bytes', 'tensors', 'tokens', 'windows', 'cells']),
});

const turn = z.object({
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  text: z.string(),
  toolCalls: z.array(toolCall).optional(),
  toolCallId: z.string().optional(),
});

const generateRequest = z.object({
  mode: promptMode,
  systemPrompt: z.string(),
  turns: z.array(turn),
  sampling,
  /** What a chat template may tell the model of. */
  tools: z.array(tool).optional(),
  /** In the place of the model's own template. */
  template: z.string().optional(),
  /** The beginning of the answer: the model goes on from there. */
  prefill: z.string().optional(),
  /** In the place of the oldest turns, under the policy that summarises them. */
  summary: conversationSummary.optional(),
});

/** An adapter's file or folder, and how strongly it acts. */
const adapterAt = z.object({ path, scale: adapterScale });

/** What writing an adapter told. */
const writtenAdapter = z.object({ type: z.literal('finished'), sizeBytes, warnings: z.array(errorData) });

const inference = {
  /**
   * Load a model and make a context on it. What is loaded already stays: then only the context is new, with the adapters that are
   * asked for beside the weights.
   */
  load: stream(
    z.object({
      modelPath: path,
      adapters: z.array(adapterAt).max(16).default([]),
      contextLength: count.nullable(),
      gpuLayers: loadSettings.shape.gpuLayers.default(null),
      cacheType: loadSettings.shape.cacheType.default('F16'),
      flashAttention: loadSettings.shape.flashAttention.default(true),
      threads: count.nullable(),
      /** Without asking whether there is room. */
      force: z.boolean().default(false),
      /** For PEFT adapters, which are converted; default: the system's. */
      scratchFolder: path.optional(),
    }),
    z.discriminatedUnion('type', [
      z.object({ type: z.literal('stage'), stage: loadStage, fraction: fraction.nullable() }),
      z.object({
        type: z.literal('ready'),
        contextLength: count,
        gpuLayers: count,
        threads: count,
        hasChatTemplate: z.boolean(),
        gpu: z.string().nullable(),
        /** What llama.cpp says it has allocated; null: it did not say. */
        allocated: allocated.nullable(),
      }),
    ]),
  ),
  unload: call(none, none),
  /** What a model's memory depends on, from its header; needs no model. */
  shape: call(z.object({ modelPath: path }), z.object({ shape: modelShape })),
  /** The library of the cards that llama.cpp uses here; null: the processor computes. */
  gpu: call(none, z.object({ gpu: z.string().nullable() })),
  generate: stream(
    generateRequest,
    z.discriminatedUnion('type', [
      z.object({ type: z.literal('summary'), turns: count }),
      z.object({ type: z.literal('prompt'), doneTokens: count, totalTokens: count }),
      answerText,
      z.object({ type: z.literal('finished'), facts: answerFacts.omit({ modelId: true, modelName: true }), stopReason }),
    ]),
  ),
  /** What the loaded model would get to read; also while it answers. */
  prompt: call(generateRequest, promptReport),
  /** What a template makes of a short conversation; needs no model. Throws `chat.template*`. */
  tryTemplate: call(z.object({ template: z.string() }), z.object({ text: z.string() })),
  /** Throws what keeps a schema or grammar from being used; needs no model. */
  checkFormat: call(z.object({ format: answerFormat }), none),
  /** One vector of length 1 for each text, in order. */
  embed: stream(z.object({ texts: z.array(z.string()) }), z.object({ index: count, vector: z.array(z.number()), tokens: count })),
  /** End the running answer after its present token: its stream ends with `finished`, and what was measured. */
  stop: call(none, none),
};

export const inferenceContract = { health, inference } satisfies Contract;

/** What the model will be called in a GGUF file: a part of its size. Default: as the file or folder is called. */
const modelName = z.string().optional();

const tensor = {
  /** Every target in one line each: the model is read once. */
  recipes: call(z.object({ modelPath: path, name: modelName, options: quantizeOptions }), z.array(recipe)),
  plan: call(
    z.object({ modelPath: path, name: modelName, target: quantizeTarget, format: outputFormat.optional(), options: quantizeOptions }),
    quantizePlan,
  ),
  /**
   * A folder or a GGUF file to another, in one pass. It appears at `outputPath` when it is complete and checked; an
   * interrupted one goes on from its last finished tensor when the same is asked for again.
   */
  quantize: stream(
    z.object({
      modelPath: path,
      target: quantizeTarget,
      format: outputFormat.optional(),
      outputPath: path,
      name: z.string(),
      options: quantizeOptions,
      /** For the working model of a calibration; goes again. */
      scratchFolder: path,
      threads: count.nullable(),
    }),
    z.discriminatedUnion('type', [
      workProgress,
      z.object({
        type: z.literal('finished'),
        sizeBytes,
        warnings: z.array(errorData),
        resumedTensors: count,
        /** Of every quantized tensor, worst first. */
        tensors: z.array(tensorError),
        /** Of INT8. */
        outliers: z.array(outlierColumns),
      }),
    ]),
  ),
  /** An importance matrix: Σ x² of the inputs of every weight matrix on a text. */
  calibrate: stream(
    z.object({
      modelPath: path,
      textPath: path.nullable(),
      outputPath: path,
      contextLength: count,
      windows: count.nullable(),
      scratchFolder: path,
      threads: count.nullable(),
    }),
    z.discriminatedUnion('type', [
      workProgress,
      z.object({ type: z.literal('finished'), sizeBytes, matrices: count, windows: count, tokens: count }),
    ]),
  ),
  /** What a variant lost against its source. Folders, floats or quantized, are decoded to a working GGUF file first. */
  quality: stream(
    z.object({ variantPath: path, sourcePath: path, options: qualityOptions, scratchFolder: path, threads: count.nullable() }),
    z.discriminatedUnion('type', [workProgress, z.object({ type: z.literal('finished'), measure: qualityMeasure })]),
  ),
  adapter: call(z.object({ adapterPath: path }), adapterDetails),
  /** What keeps an adapter from models, one answer for each in their order. */
  adapterFits: call(
    z.object({ adapterPath: path, models: z.array(z.object({ path, names: z.array(z.string()) })) }),
    z.array(z.object({ problems: z.array(errorData), warnings: z.array(errorData) })),
  ),
  adapterChanges: call(z.object({ basePath: path, adapters: z.array(adapterAt) }), z.array(weightChange)),
  combinedChanges: call(
    z.object({ adapters: z.array(adapterAt), options: combineOptions, basePath: path.nullable() }),
    z.array(combinedChange),
  ),
  /** A model with adapters in its weights, to any target in one pass; written as `quantize` writes. */
  merge: stream(
    z.object({
      basePath: path,
      adapters: z.array(adapterAt),
      /** Null: every tensor in the type that it has. */
      target: quantizeTarget.nullable(),
      format: outputFormat.optional(),
      outputPath: path,
      name: z.string(),
      options: quantizeOptions,
      scratchFolder: path,
      threads: count.nullable(),
    }),
    z.discriminatedUnion('type', [
      workProgress,
      z.object({
        type: z.literal('finished'),
        sizeBytes,
        warnings: z.array(errorData),
        resumedTensors: count,
        changedTensors: count,
      }),
    ]),
  ),
  /** Adapters as one. The base is needed where names are to be changed from one format's to the other's. */
  combine: stream(
    z.object({
      adapters: z.array(adapterAt),
      options: combineOptions,
      basePath: path.nullable(),
      format: adapterFormat,
      outputPath: path,
      name: z.string(),
    }),
    z.discriminatedUnion('type', [workProgress, writtenAdapter]),
  ),
  /** The low-rank part of what a fine-tune changed of its base. One of `rank` and `energy` decides. */
  extract: stream(
    z.object({
      basePath: path,
      tunedPath: path,
      rank: count.nullable(),
      energy: fraction.nullable(),
      format: adapterFormat,
      outputPath: path,
      name: z.string(),
    }),
    z.discriminatedUnion('type', [
      workProgress,
      /** ‖ΔW − B·A‖ / ‖ΔW‖ over all matrices. */
      writtenAdapter.extend({ residual: z.number(), rank: count }),
    ]),
  ),
  convertAdapter: stream(
    z.object({ adapterPath: path, basePath: path, format: adapterFormat, outputPath: path, name: z.string() }),
    z.discriminatedUnion('type', [workProgress, writtenAdapter]),
  ),
  /** Hold a merged model against its base and the adapters. */
  certify: stream(
    z.object({
      basePath: path,
      adapters: z.array(adapterAt),
      mergedPath: path,
      options: certifyOptions,
      scratchFolder: path,
      threads: count.nullable(),
    }),
    z.discriminatedUnion('type', [workProgress, z.object({ type: z.literal('finished'), measure: certificateMeasure })]),
  ),
  /** sha256 of each file, and of the whole by `names and hashes` in order. */
  hash: stream(
    z.object({ folder: path, files: z.array(z.string()) }),
    z.discriminatedUnion('type', [
      workProgress,
      z.object({ type: z.literal('finished'), files: z.array(z.object({ name: z.string(), sha256 })) }),
    ]),
  ),
  perplexity: stream(
    z.object({ modelPath: path, textPath: path, contextLength: count, threads: count.nullable() }),
    z.discriminatedUnion('type', [
      workProgress,
      z.object({ type: z.literal('finished'), perplexity: z.number(), standardError: z.number(), tokens: count, windows: count }),
    ]),
  ),
  /** Copy the demo model's folder. */
  demo: stream(
    z.object({ outputFolder: path, name: z.string() }),
    z.discriminatedUnion('type', [workProgress, z.object({ type: z.literal('finished'), sizeBytes })]),
  ),
};

export const tensorContract = { health, tensor } satisfies Contract;

/** A run that is at work here. */
const trainer = {
  checkData: call(
    z.object({
      modelPath: path,
      dataPath: path,
      columns: dataColumns,
      settings: givenSettings,
      shown: count,
      first: count,
      scratchFolder: path,
    }),
    dataReport,
  ),
  /** Names of the fields of a dataset's first records. */
  fields: call(z.object({ dataPath: path }), z.object({ fields: z.array(z.string()) })),
  /** Write a Parquet dataset as lines of JSON. Throws `train.unreadableData`, `train.dataTooLarge`, `disk.*`. */
  jsonLines: call(z.object({ dataPath: path, outputPath: path }), none),
  /** Where the samples lie that come with Lathe. */
  demoData: call(none, z.object({ path })),
  preview: call(z.object({ modelPath: path, settings: givenSettings, scratchFolder: path }), trainingPreview),
  /**
   * Train, and write what came of it to `outputPath` with `.gguf` and to the folder `outputPath`. Goes on from the newest checkpoint of
   * the run's folder.
   */
  run: stream(
    z.object({
      modelPath: path,
      baseName: z.string(),
      dataPath: path,
      /** What the user calls it: a run reads a copy. */
      dataName: z.string().optional(),
      columns: dataColumns,
      settings: givenSettings,
      adapterPath: path.nullable(),
      runFolder: path,
      outputPath: path,
      device: z.string(),
      threads: count.nullable(),
      scratchFolder: path,
    }),
    z.discriminatedUnion('type', [
      workProgress,
      /** What is known when the data has been read. */
      /** `memoryBytes`: what the run is reckoned to take on its device. */
      z.object({ type: z.literal('planned'), totalSteps: count, firstStep: count, memoryBytes: sizeBytes }),
      z.object({ type: z.literal('log'), entry: logEntry }),
      z.object({ type: z.literal('sample'), sample: trainingSample }),
      z.object({ type: z.literal('checkpoint'), checkpoint }),
      z.object({
        type: z.literal('finished'),
        /** Null: paused, and nothing is written. */
        reason: endReason.nullable(),
        step: count,
        warnings: z.array(errorData),
        files: z.array(z.object({ path, kind: z.enum(['gguf', 'gguf-adapter', 'peft-adapter']), sizeBytes })),
      }),
    ]),
  ),
  /** What models say to the same prompts, always their likeliest token. @returns the answers of each way, in its order. */
  say: call(
    z.object({
      /** Of the weights, and of an adapter beside them. */
      ways: z.array(z.object({ modelPath: path, adapterPath: path.nullable() })),
      prompts: z.array(z.string()),
      tokens: count,
      /** As the setting of that name. */
      chatTemplate: z.string(),
      scratchFolder: path,
      threads: count.nullable(),
    }),
    z.object({ answers: z.array(z.array(z.string())) }),
  ),
  /** Ask the run for something; it answers after its present step. Throws `train.notRunning` where there is none. */
  wish: call(z.object({ wish: z.enum(runWishes) }), none),
};

/** Measurements; the phases are `benchmark.*`. */
const benchmark = {
  /** What this computer is; tries the drivers of graphics cards. */
  environment: call(none, benchmarkEnvironment),
  /** Cards by the names that the trainer knows them by. Here, because a driver that crashes takes no training run with it. */
  devices: call(none, z.object({ devices: z.array(trainingDevice) })),
  /** All cards, and what is free on them now. */
  cards: call(none, z.object({ cards: z.array(liveCard) })),
  speed: stream(
    z.object({ modelPath: path, adapters: z.array(adapterAt), settings: speedSettings, threads: count.nullable(), scratchFolder: path }),
    z.discriminatedUnion('type', [
      workProgress,
      z.object({
        type: z.literal('finished'),
        loadMs: z.number(),
        /** For all prompt tokens together, and for all new tokens: one entry for each repetition. */
        promptSeconds: z.array(z.number()),
        newSeconds: z.array(z.number()),
        threads: count,
        ...speedResult.pick({ backgroundLoad: true, peakVramBytes: true, joulesPerToken: true }).shape,
        peakMemoryBytes: sizeBytes,
      }),
    ]),
  ),
  quality: stream(
    z.object({
      modelPath: path,
      adapters: z.array(adapterAt),
      /** Null: perplexity alone. */
      basePath: path.nullable(),
      textPath: path.nullable(),
      contextLength: count,
      windows: count.nullable(),
      scratchFolder: path,
      threads: count.nullable(),
    }),
    z.discriminatedUnion('type', [
      workProgress,
      qualityResult.omit({ kind: true, against: true }).extend({
        type: z.literal('finished'),
        against: qualityResult.shape.against.unwrap().omit({ name: true }).nullable(),
      }),
    ]),
  ),
  questions: stream(
    z.object({
      modelPath: path,
      adapters: z.array(adapterAt),
      questionsPath: path,
      scratchFolder: path,
      threads: count.nullable(),
    }),
    z.discriminatedUnion('type', [workProgress, questionsResult.omit({ kind: true }).extend({ type: z.literal('finished') })]),
  ),
};

export const benchmarkContract = { health, benchmark } satisfies Contract;

export const trainerContract = { health, trainer } satisfies Contract;

export const engineContracts = {
  inference: inferenceContract,
  tensor: tensorContract,
  trainer: trainerContract,
  benchmark: benchmarkContract,
};
export type EngineKind = keyof typeof engineContracts;
