import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '#core/errors/index.ts';
import { connect, type Connection } from '#contract/connect.ts';
import {
  benchmarkContract,
  engineContracts,
  inferenceContract,
  tensorContract,
  trainerContract,
  type EngineKind,
} from '#contract/engine.ts';
import type { BenchmarkEnvironment } from '#contract/benchmark.ts';
import type { Handlers } from '#contract/define.ts';
import type { QualityMeasure } from '#contract/quantize.ts';
import { memoryPorts } from '#contract/memory-port.ts';
import { serve } from '#contract/serve.ts';
import { shapeFromFacts } from '#core/memory/shape-facts.ts';
import { isPackedTarget } from '#core/quantize/targets.ts';
import { writeHfFolder } from '#engine/demo.ts';
import { createEngineLog } from '#engine/log.ts';
import { createBenchmark } from '#engine/benchmark/index.ts';
import { createTrainer } from '#engine/trainer/index.ts';
import { sizeOf } from '#main/jobs/output.ts';
import type { EngineChange, Engines } from '#main/engines/index.ts';
import { writeGeneratedModel } from '../../engine/generated-model.ts';
import { tinyModel } from '../../fixtures.ts';
import { fakeAdapters } from './fake-adapters.ts';

type InferenceHandlers = Handlers<typeof inferenceContract>['inference'];
type TensorHandlers = Handlers<typeof tensorContract>['tensor'];
type TrainerHandlers = Handlers<typeof trainerContract>['trainer'];
type BenchmarkHandlers = Handlers<typeof benchmarkContract>['benchmark'];

/** Looking for graphics cards would load another variant of llama.cpp into this process, which has one already. */
const testComputer: BenchmarkEnvironment = {
  name: 'Test processor',
  processor: 'Test processor',
  cores: 2,
  memoryBytes: 8 * 2 ** 30,
  platform: 'linux x64',
  devices: [],
  features: 'CPU : SSE3 = 1',
  versions: { lathe: '0.0.0', 'llama.cpp': 'b1' },
};

type Replaceable<T> = { -readonly [N in keyof T]?: T[N] };

export interface FakeEngines extends Engines {
  /** End an engine as a crash would: open requests fail with `engine.crashed`. */
  crash(kind: EngineKind): void;
  /** What was asked, in order: name and input. */
  readonly asked: readonly (readonly [string, unknown])[];
  /** Replace an answer for the rest of the test. */
  readonly instead: {
    readonly inference: Replaceable<InferenceHandlers>;
    readonly tensor: Replaceable<TensorHandlers>;
    readonly trainer: Replaceable<TrainerHandlers>;
    readonly benchmark: Replaceable<BenchmarkHandlers>;
  };
}

const health = (): Handlers<Pick<typeof tensorContract, 'health'>>['health'] => ({
  ping: () => ({ residentBytes: 1000 }),
  log: async function* () {},
});

/** Waits until the signal aborts, and throws then. */
export const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const leave = (): void => reject(new AppError('request.cancelled', {}));
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  });

/** What the fake measures of every model. */
export const measure: QualityMeasure = {
  textName: 'stories.txt',
  textSha256: 'ab'.repeat(32),
  contextLength: 128,
  windows: 4,
  tokens: 256,
  perplexity: 36.185,
  sourcePerplexity: 34.166,
  meanKl: 0.02,
  meanKlError: 0.001,
  kl999: 0.9,
  maxKl: 1.4,
  topOneAgreement: 0.93,
  worstTensors: [{ name: 'blk.0.attn_k.weight', to: 'Q4_0', relativeError: 0.09 }],
  samples: [{ prompt: 'Once', source: ' upon a time', variant: ' upon a hill' }],
};

/** The end of a quantization that a test makes up. */
export const finished = (sizeBytes = 1) => ({
  type: 'finished' as const,
  sizeBytes,
  warnings: [],
  resumedTensors: 0,
  tensors: [],
  outliers: [],
});

type Format = 'hf' | 'gguf';

const writeModel = (format: Format, path: string): Promise<unknown> =>
  format === 'gguf' ? writeGeneratedModel(path, { layers: 1 }) : writeHfFolder(tinyModel(), path);

/** Bytes of what the fake writes. */
async function modelBytes(format: Format): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'lathe-fake-'));
  await writeModel(format, join(folder, 'model'));
  const sizeBytes = await sizeOf(join(folder, 'model'));
  await rm(folder, { recursive: true });
  return sizeBytes;
}

const formatOf = (target: string, format: Format | undefined): Format => format ?? (isPackedTarget(target) ? 'hf' : 'gguf');

/** What the fake says that it has allocated. */
const NO_BYTES = { weights: 0, cache: 0, state: 0, compute: 0, outputs: 0 };
const ALLOCATED = { processor: { ...NO_BYTES, weights: 2_000_000, cache: 500_000 }, cards: [], mappedBytes: 2_000_000 };

/**
 * Engines in this process, behind the real contract. Inference says the words of its script, one event each. Tensor hashes
 * truly, and "quantizes" into a small real model.
 */
export function fakeEngines(script: readonly string[] = ['Once', ' upon', ' a time']): FakeEngines {
  const asked: [string, unknown][] = [];
  const listeners = new Set<(change: EngineChange) => void>();
  const open: { [K in EngineKind]?: Connection<never> } = {};
  let stopping = false;

  const inference: InferenceHandlers = {
    load: async function* (input) {
      asked.push(['load', input]);
      yield { type: 'stage', stage: 'reading', fraction: 0.5 };
      yield {
        type: 'ready',
        contextLength: input.contextLength ?? 2048,
        gpuLayers: 0,
        threads: 1,
        hasChatTemplate: true,
        gpu: null,
        allocated: ALLOCATED,
      };
    },
    shape: (input) => (asked.push(['shape', input]), { shape: shapeFromFacts({ parameterCount: 1_000_000, tensorBytes: 2_000_000 }) }),
    gpu: () => ({ gpu: null }),
    unload: () => (asked.push(['unload', {}]), {}),
    generate: async function* (input) {
      asked.push(['generate', input]);
      stopping = false;
      yield { type: 'prompt', doneTokens: 5, totalTokens: 5 };
      let answerTokens = 0;
      for (const text of script) {
        if (stopping) break;
        answerTokens += 1;
        yield { type: 'text', text };
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      const stopReason = stopping ? ('stopped' as const) : ('end' as const);
      const sampling = { ...input.sampling, seed: input.sampling.seed ?? 4711 };
      const facts = { sampling, promptTokens: 5, cachedTokens: 0, answerTokens, timeToFirstTokenMs: 3, tokensPerSecond: 100, stopReason };
      yield { type: 'finished', stopReason, facts };
    },
    prompt: (input) => {
      asked.push(['prompt', input]);
      const text = input.turns.map((turn) => turn.text).join('|');
      return {
        text,
        specialTokens: [],
        promptTokens: text.length,
        contextLength: 2048,
        summarisedTurns: 0,
        droppedTurns: 0,
        droppedSystem: false,
        fits: true,
      };
    },
    tryTemplate: ({ template }) => (asked.push(['tryTemplate', template]), { text: template }),
    checkFormat: ({ format }) => (asked.push(['checkFormat', format]), {}),
    embed: async function* (input) {
      asked.push(['embed', input]);
      for (const [index, text] of input.texts.entries()) yield { index, vector: [text.length, 1], tokens: text.length };
    },
    stop: () => ((stopping = true), asked.push(['stop', {}]), {}),
  };
  const tensor: TensorHandlers = {
    recipes: (input) => {
      asked.push(['recipes', input]);
      const common = { sizeBytes: 1000, bitsPerWeight: 8.5, needsImatrix: false, problem: null };
      return [
        { target: 'Q8_0', format: 'gguf', needsCalibration: false, ...common },
        { target: 'gptq-4', format: 'hf', needsCalibration: true, ...common },
      ];
    },
    plan: async (input) => {
      asked.push(['plan', input]);
      const { target } = input;
      const format = formatOf(target, input.format);
      return {
        target,
        format,
        sizeBytes: await modelBytes(format),
        bitsPerWeight: 4.5,
        memoryBytes: 1000,
        scratchBytes: 500,
        calibrationPasses: target.startsWith('gptq') ? 1 : 0,
        warnings: [],
        tensors: [],
      };
    },
    quantize: async function* (input) {
      asked.push(['quantize', input]);
      yield { type: 'progress', phase: 'quantize.writing', detail: 'output.weight', amount: 50, total: 100, unit: 'bytes' };
      const partial = `${input.outputPath}.partial`;
      const journal = await readFile(`${partial}.journal`, 'utf8').catch(() => '\n');
      await rm(partial, { recursive: true, force: true });
      await writeModel(formatOf(input.target, input.format), partial);
      await rename(partial, input.outputPath);
      await rm(`${partial}.journal`, { force: true });
      yield {
        type: 'finished',
        sizeBytes: await sizeOf(input.outputPath),
        warnings: [],
        resumedTensors: journal.split('\n').length - 2,
        tensors: Array.from({ length: 30 }, (_, index) => ({ name: `t${index}`, to: input.target, relativeError: index / 100 })),
        outliers: [],
      };
    },
    calibrate: async function* (input) {
      asked.push(['calibrate', input]);
      await writeBytes(input.outputPath, 100);
      yield { type: 'finished', sizeBytes: 100, matrices: 7, windows: 3, tokens: 3 * input.contextLength };
    },
    quality: async function* (input) {
      asked.push(['quality', input]);
      yield { type: 'progress', phase: 'quality.scoring', detail: null, amount: 1, total: 4, unit: 'windows' };
      yield { type: 'finished', measure };
    },
    ...fakeAdapters(asked),
    hash: async function* ({ folder, files }) {
      asked.push(['hash', { folder, files }]);
      const hashes = [];
      for (const name of files)
        hashes.push({
          name,
          sha256: createHash('sha256')
            .update(await readFile(join(folder, name)))
            .digest('hex'),
        });
      yield { type: 'progress', phase: 'hash.reading', detail: null, amount: 1, total: 1, unit: 'bytes' };
      yield { type: 'finished', files: hashes };
    },
    perplexity: async function* (input) {
      asked.push(['perplexity', input]);
      yield { type: 'finished', perplexity: 34.166, standardError: 0.2, tokens: 1280, windows: 10 };
    },
    demo: async function* ({ outputFolder }) {
      await writeHfFolder(tinyModel(), outputFolder);
      yield { type: 'finished', sizeBytes: 1 };
    },
  };
  const instead: FakeEngines['instead'] = { inference: {}, tensor: {}, trainer: {}, benchmark: {} };
  /** Looks the answer up when it is asked for, so that a test can replace it at any time. */
  const late = <T extends object>(usual: T, own: Replaceable<T>): T =>
    new Proxy(usual, { get: (target, name) => Reflect.get(own, name) ?? (Reflect.get(target, name) as unknown) });

  const start = (kind: EngineKind): Connection<never> => {
    const running = open[kind];
    if (running !== undefined && !running.isClosed()) return running;
    const [ours, theirs] = memoryPorts();
    if (kind === 'inference') serve(inferenceContract, { health: health(), inference: late(inference, instead.inference) }, theirs);
    else if (kind === 'tensor') serve(tensorContract, { health: health(), tensor: late(tensor, instead.tensor) }, theirs);
    // These are the real ones: tiny models take them a second.
    else if (kind === 'benchmark')
      serve(
        benchmarkContract,
        {
          health: health(),
          benchmark: late({ ...createBenchmark(createEngineLog()), environment: () => testComputer }, instead.benchmark),
        },
        theirs,
      );
    else serve(trainerContract, { health: health(), trainer: late(createTrainer(createEngineLog()), instead.trainer) }, theirs);
    const connection = connect(engineContracts[kind], ours) as unknown as Connection<never>;
    open[kind] = connection;
    for (const listener of listeners) listener({ kind, running: true, error: undefined });
    return connection;
  };
  const end = (kind: EngineKind, error: AppError, told: AppError | undefined): void => {
    open[kind]?.close(error);
    delete open[kind];
    for (const listener of listeners) listener({ kind, running: false, error: told });
  };

  return {
    inference: async () => start('inference').client,
    tensor: async () => start('tensor').client,
    trainer: async () => start('trainer').client,
    benchmark: async () => start('benchmark').client,
    restart: async (kind) => end(kind, new AppError('engine.stopped', { engine: kind }), undefined),
    subscribe: (listener) => (listeners.add(listener), () => void listeners.delete(listener)),
    processes: () => [{ kind: 'tensor', pid: 1, residentBytes: 1000 }],
    close: async () => {
      for (const kind of ['inference', 'tensor', 'trainer', 'benchmark'] as const)
        end(kind, new AppError('engine.stopped', { engine: kind }), undefined);
    },
    crash: (kind) => {
      const error = new AppError('engine.crashed', { engine: kind, reason: 'SIGSEGV' });
      end(kind, error, error);
    },
    asked,
    instead,
  };
}

/** A file of a given size, for what only has to be there. */
export const writeBytes = (path: string, sizeBytes: number): Promise<void> => writeFile(path, Buffer.alloc(sizeBytes, 7));
