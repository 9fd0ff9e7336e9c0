import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { checkSettings } from '#core/training/check-settings.ts';
import { parameterCount } from '#core/training/modules.ts';
import type { RunWish } from '#core/training/run-files.ts';
import type { Handlers } from '#contract/define.ts';
import type { trainerContract } from '#contract/engine.ts';
import { loadLlama, type LlamaRuntime } from '../inference/llama.ts';
import { createTemplateRunner } from '../inference/template-runner.ts';
import { llamaLibraries } from '../llama-libraries.ts';
import type { EngineLog } from '../log.ts';
import { loadNative, type Native } from '../native.ts';
import { parquetText } from '../parquet/parquet-text.ts';
import { resourcePath } from '../resource.ts';
import { modelThreads } from '../tensor/context.ts';
import { latheVersion } from '../version.ts';
import { describeBase, openBaseHead, openTrainingBase, trainedParts, type TrainingBase } from './base.ts';
import { dataReportOf } from './check-data.ts';
import { encodeData, MAX_DATA_BYTES, readDataFile } from './data.ts';
import { runHandler } from './handler.ts';
import { saySamples } from './say.ts';
import { openSampleVocabulary } from './vocabulary.ts';

export type TrainerHandlers = Handlers<typeof trainerContract>['trainer'];

/** What the endpoints share. */
export interface TrainerContext {
  /** llama.cpp with its tokenizers. */
  llama(): Promise<LlamaRuntime>;
  /** The addon, with the libraries of the kind of device that is first asked for: one process has but one kind. */
  native(device: string): Promise<Native>;
  openBase(request: BaseRequest, signal: AbortSignal): Promise<TrainingBase>;
  /** Begins a run when the one before it has ended. */
  oneByOne<T>(run: () => Promise<T>): Promise<T>;
  /** What the computer has left, as far as the operating system tells. */
  availableBytes(): number;
  /** Of the run that is at work. */
  readonly wishes: { take(): RunWish | null; open(): void; close(): void };
}

interface BaseRequest {
  readonly modelPath: string;
  readonly scratchFolder: string;
  readonly threads: number | null;
  readonly device?: string;
}

/** The trainer engine: one run at a time, in a process whose end gives all memory back. */
export function createTrainer(log: EngineLog, availableBytes: () => number = () => process.availableMemory()): TrainerHandlers {
  let llama: Promise<LlamaRuntime> | undefined;
  let native: Native | undefined;
  let isOpen = false;
  let wish: RunWish | null = null;
  let last: Promise<unknown> = Promise.resolve();
  const loadRuntime = (): Promise<LlamaRuntime> => (llama ??= loadLlama(log));
  const context: TrainerContext = {
    llama: loadRuntime,
    availableBytes,
    native: async (device) => {
      if (native === undefined) {
        const variant = device === 'CPU' ? false : (await loadRuntime()).llama.gpu;
        native = loadNative({ libraries: llamaLibraries(variant) });
        log.write('info', `llama.cpp ${native.versions.release}, ggml ${native.versions.ggml}, device ${device}`);
      }
      return native;
    },
    openBase: async ({ modelPath, scratchFolder, threads, device = 'CPU' }, signal) => {
      await mkdir(scratchFolder, { recursive: true });
      const kernels = await context.native(device);
      const options = { kernels, version: latheVersion(), threads: threads ?? undefined, signal, progress: () => undefined };
      return openTrainingBase({ path: modelPath, scratchFolder, ...options });
    },
    oneByOne: (run) => {
      const running = last.then(run);
      last = running.catch(() => undefined);
      return running;
    },
    wishes: {
      take: () => {
        const taken = wish;
        wish = null;
        return taken;
      },
      open: () => {
        isOpen = true;
        wish = null;
      },
      close: () => void (isOpen = false),
    },
  };
  return {
    checkData: async ({ modelPath, scratchFolder, dataPath, columns, settings: given, shown, first }, { signal }) => {
      const settings = checkSettings(given);
      const file = await readDataFile(dataPath, columns);
      const templates = createTemplateRunner();
      try {
        await using base = await openBaseHead({ path: modelPath, scratchFolder });
        await using vocabulary = await openSampleVocabulary(await context.llama(), base.vocabularyPath, signal);
        return dataReportOf(file, await encodeData(file, settings, { vocabulary, templates, signal }), settings, { first, shown });
      } finally {
        await templates.close();
      }
    },
    preview: async ({ modelPath, scratchFolder, settings: given }) => {
      const settings = checkSettings(given);
      await using base = await openBaseHead({ path: modelPath, scratchFolder });
      const { modules, whole } = trainedParts(base.header, settings);
      const described = describeBase(base.header);
      const ofModule = modules.map((module) => ({ ...module, parameters: parameterCount([module], settings.use_dora) }));
      return {
        ...described,
        modules: ofModule.map(({ tensor, rank, scale, parameters }) => ({ tensor, rank, scale, parameters })),
        trainableParameters:
          ofModule.reduce((sum, { parameters }) => sum + parameters, 0) +
          base.header.tensors
            .filter(({ name }) => whole.includes(name))
            .reduce((sum, { dimensions }) => sum + dimensions.reduce((product, each) => product * each, 1), 0),
      };
    },
    fields: async ({ dataPath }) => ({ fields: [...(await readDataFile(dataPath, {})).fields] }),
    jsonLines: async ({ dataPath, outputPath }) => {
      const { size: sizeBytes } = await onDisk(dataPath, () => stat(dataPath));
      if (sizeBytes > MAX_DATA_BYTES) throw new AppError('train.dataTooLarge', { sizeBytes, limitBytes: MAX_DATA_BYTES });
      const text = await parquetText(dataPath, sizeBytes, MAX_DATA_BYTES);
      await onDisk(outputPath, () => writeFile(outputPath, text));
      return {};
    },
    demoData: () => ({ path: resourcePath(join('demo', 'samples.jsonl')) }),
    say: async ({ ways, scratchFolder, threads, ...what }, { signal }) => {
      await using stack = new AsyncDisposableStack();
      const runtime = await context.llama();
      const templates = createTemplateRunner();
      stack.defer(() => templates.close());
      const bases = new Map<string, TrainingBase>();
      const answers: string[][] = [];
      for (const { modelPath, adapterPath } of ways) {
        // Of a folder a file is written: once, though it speaks twice.
        const base = bases.get(modelPath) ?? stack.use(await context.openBase({ modelPath, scratchFolder, threads }, signal));
        bases.set(modelPath, base);
        await using vocabulary = await openSampleVocabulary(runtime, base.modelPath, signal);
        const way = { modelPath: base.modelPath, adapterPath, threads: modelThreads(threads), vocabulary };
        answers.push(await saySamples({ runtime, templates, signal, ...way, ...what }));
      }
      return { answers };
    },
    run: runHandler(context),
    wish: ({ wish: asked }) => {
      if (!isOpen) throw new AppError('train.notRunning', { name: '' });
      wish = asked;
      return {};
    },
  };
}
