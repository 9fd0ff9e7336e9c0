import { join } from 'node:path';
import type { EngineKind } from '#contract/engine.ts';
import type { AppClient } from '#contract/index.ts';
import type { World } from './world.ts';

/** Every kind of long work, as a user would begin it. */

/** A work that has begun: a job, or a stream of its own. */
export interface Begun {
  readonly jobId: string | null;
  /** Resolves when the work has ended, however it did, to a word on how. */
  readonly ended: Promise<string>;
}

export interface Work {
  /** The engine that does it. */
  readonly engine: EngineKind;
  /** Its result is a file or folder that is the same in every run. */
  readonly isExact: boolean;
  begin(client: AppClient, world: World, output: string): Promise<Begun>;
}

type Spec = Parameters<AppClient['jobs']['start']>[0]['spec'];

async function follow(client: AppClient, jobId: string): Promise<string> {
  let last = 'unknown';
  for await (const { state, error } of client.jobs.watch({ jobId })) last = error === null ? state : `${state} ${error.code}`;
  return last;
}

const job = (engine: EngineKind, isExact: boolean, spec: (world: World, output: string) => Spec): Work => ({
  engine,
  isExact,
  begin: async (client, world, output) => {
    const { id: jobId } = await client.jobs.start({ spec: spec(world, output) });
    return { jobId, ended: follow(client, jobId) };
  },
});

/** The end of a stream that is no job: `done`, or the code of its error. */
async function drain(events: AsyncIterable<unknown>): Promise<string> {
  try {
    for await (const _ of events);
    return 'done';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}

const short = { contextLength: 64, windows: 4 };
const gguf = (output: string): string => `${output}.gguf`;

export const works: Readonly<Record<string, Work>> = {
  quantize: job('tensor', true, ({ baseId: modelId }, output) => ({
    kind: 'quantize',
    modelId,
    target: 'Q4_K_M',
    name: 'made',
    outputPath: gguf(output),
    quality: short,
  })),
  gptq: job('tensor', true, ({ baseId: modelId }, output) => ({
    kind: 'quantize',
    modelId,
    target: 'gptq-4',
    name: 'made',
    outputPath: output,
    quality: null,
    options: { calibrationWindows: 2, calibrationContext: 64 },
  })),
  calibrate: job('tensor', false, ({ ggufId: modelId, textPath }, output) => ({
    kind: 'calibrate',
    modelId,
    textPath,
    outputPath: gguf(output),
    ...short,
  })),
  quality: job('tensor', false, ({ mergedId: modelId, baseId: sourceId }) => ({ kind: 'quality', modelId, sourceId, options: short })),
  merge: job('tensor', true, ({ baseId, adapterId }, output) => ({
    kind: 'merge',
    baseId,
    adapters: [{ adapterId }],
    target: 'Q8_0',
    name: 'made',
    outputPath: gguf(output),
    certify: short,
  })),
  combine: job('tensor', true, ({ plainIds }, output) => ({
    kind: 'combine',
    adapters: plainIds.map((adapterId) => ({ adapterId })),
    options: { method: 'cat' },
    format: 'peft',
    name: 'made',
    outputPath: output,
  })),
  extract: job('tensor', true, ({ baseId, tunedId }, output) => ({
    kind: 'extract',
    baseId,
    tunedId,
    rank: 8,
    format: 'peft',
    name: 'made',
    outputPath: output,
  })),
  convertAdapter: job('tensor', true, ({ learnedId: adapterId, ggufId: baseId }, output) => ({
    kind: 'convertAdapter',
    adapterId,
    baseId,
    format: 'gguf',
    name: 'made',
    outputPath: gguf(output),
  })),
  certify: job('tensor', false, ({ baseId, adapterId, mergedId }) => ({
    kind: 'certify',
    baseId,
    adapters: [{ adapterId }],
    mergedId,
    options: short,
  })),
  verify: job('tensor', false, ({ mergedId: modelId }) => ({ kind: 'verify', modelId })),
  demo: job('tensor', false, (_, output) => ({ kind: 'demo', name: output.split('/').at(-1) ?? 'demo' })),
  perplexity: job('tensor', false, ({ ggufId: modelId, textPath }) => ({ kind: 'perplexity', modelId, textPath, contextLength: 64 })),
  train: {
    engine: 'trainer',
    isExact: false,
    begin: async (client, { ggufId: baseId, dataPath }, output) => {
      const settings = { r: 4, max_length: 64, max_steps: 6, save_steps: 2, per_device_train_batch_size: 1 };
      const { jobId } = await client.training.start({ baseId, dataPath, name: output.split('/').at(-1) ?? '', settings });
      if (jobId === null) throw new Error('The run has no job.');
      return { jobId, ended: follow(client, jobId) };
    },
  },
  benchmark: {
    engine: 'benchmark',
    isExact: false,
    begin: async (client, { ggufId: modelId }, output) => {
      const { jobId } = await client.benchmark.start({
        name: output.split('/').at(-1) ?? '',
        targets: [{ kind: 'local', modelId }],
        sweep: { promptTokens: [16], newTokens: [8], repetitions: [1], batch: [32, 64] },
      });
      if (jobId === null) throw new Error('The run has no job.');
      return { jobId, ended: follow(client, jobId) };
    },
  },
  answer: {
    engine: 'inference',
    isExact: false,
    begin: async (client, { ggufId: modelId }) => {
      const { id: threadId } = await client.chat.create({ modelId, mode: 'text', sampling: { maxTokens: 60, seed: 1 } });
      return { jobId: null, ended: drain(client.chat.send({ threadId, parentId: null, text: 'The little lathe' })) };
    },
  },
  importCopy: {
    engine: 'tensor',
    isExact: false,
    begin: async (client, { sources }) => ({
      jobId: null,
      ended: drain(client.library.import({ path: join(sources, 'unlisted'), mode: 'copy' })),
    }),
  },
};
