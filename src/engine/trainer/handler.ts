import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, toErrorData } from '#core/errors/index.ts';
import { adapterBase } from '#core/lora/base.ts';
import type { MadeAdapter } from '#core/lora/made.ts';
import { shapeFromGguf } from '#core/memory/shape-gguf.ts';
import { checkSettings } from '#core/training/check-settings.ts';
import { planSteps, rowsOfStep } from '#core/training/order.ts';
import { runMemory } from '#core/training/run-memory.ts';
import { CHECKPOINT_FOLDER, LOG_FILE, SAMPLES_FILE } from '#core/training/run-files.ts';
import { longestTogether } from '#core/training/rows.ts';
import type { TrainingSettings } from '#core/training/settings.ts';
import type { z } from 'zod';
import type { trainerContract } from '#contract/engine.ts';
import { eventQueue } from '../event-queue.ts';
import { createTemplateRunner } from '../inference/template-runner.ts';
import { loadAdapter } from '../lora/load-adapter.ts';
import { openAdapter } from '../lora/open-adapter.ts';
import { writeAdapter } from '../lora/write-adapter.ts';
import { modelThreads } from '../tensor/context.ts';
import { workingFolder } from '../quantize/working-model.ts';
import { trainedParts, type TrainedParts, type TrainingBase } from './base.ts';
import { checkUsable, encodeData, readDataFile } from './data.ts';
import type { TrainerContext, TrainerHandlers } from './index.ts';
import { appendLine, forgetWish, keepUntil, takeWrittenWish } from './run-log.ts';
import { runTraining, type RunEnd } from './run.ts';
import { saySamples } from './say.ts';
import { adapterOf, beginWith, checkSaved, modulesOfAdapter, writeTrainedModel } from './trained.ts';
import { openSampleVocabulary } from './vocabulary.ts';

type Event = z.input<(typeof trainerContract)['trainer']['run']['event']>;
type Finished = Extract<Event, { type: 'finished' }>;
type Request = z.output<(typeof trainerContract)['trainer']['run']['input']>;

/** At most one event of progress in this time. */
const PROGRESS_MS = 100;

export const runHandler = (context: TrainerContext): TrainerHandlers['run'] =>
  async function* (request, { signal }) {
    const events = eventQueue<Event>({ replaces: (newest, waiting) => newest.type === 'progress' && waiting.type === 'progress' });
    // A run that was left saves where it is before another one begins.
    const work = context.oneByOne(() => carryOut(context, request, signal, (event) => events.push(event)));
    work.then((last) => (events.push(last), events.end()), events.end);
    yield* events;
  };

/** One run from its data to its files. */
async function carryOut(context: TrainerContext, request: Request, signal: AbortSignal, push: (event: Event) => void): Promise<Finished> {
  const { dataPath, columns, runFolder, device, baseName } = request;
  const settings = checkSettings(request.settings);
  const phase = (name: string): void => push({ type: 'progress', phase: name, detail: null, amount: 0, total: 0, unit: 'tokens' });
  phase('train.reading');
  const checkpointFolder = join(runFolder, CHECKPOINT_FOLDER);
  await mkdir(checkpointFolder, { recursive: true });
  const kernels = await context.native(device);
  const threads = modelThreads(request.threads);
  await using stack = new AsyncDisposableStack();
  const base = stack.use(await context.openBase(request, signal));
  const runtime = await context.llama();
  const templates = createTemplateRunner();
  stack.defer(() => templates.close());
  const vocabulary = stack.use(await openSampleVocabulary(runtime, base.modelPath, signal));
  const parts = trainedParts(base.header, settings);
  const file = await readDataFile(dataPath, columns, request.dataName);
  const data = await encodeData(file, settings, { vocabulary, templates, signal });
  checkUsable(file, data);
  const earlier = request.adapterPath === null ? null : modulesOfAdapter(await loadMade(request.adapterPath, base, signal));
  const modules = earlier?.modules ?? parts.modules;

  phase('train.loading');
  const longest = Math.max(
    ...[...data.rows, ...data.evaluationRows].map((row) => row.reduce((sum, i) => sum + (data.samples[i]?.tokens.length ?? 0), 0)),
  );
  const isCpu = device === 'CPU';
  const togetherTokens = isCpu ? longestTogether(longest, rowsOfStep(settings)) : longest;
  const memory = runMemory(shapeFromGguf(base.header), settings, longest, device);
  if (isCpu) checkMemory(memory.lowBytes, context.availableBytes());
  const trainer = await kernels.openTrainer(
    {
      modelPath: base.modelPath,
      family: parts.family,
      device,
      threads,
      maxTokens: togetherTokens,
      modules: modules.map(({ tensor, rank, scale }) => ({ tensor, rank, scale })),
      whole: parts.whole,
      dropout: settings.lora_dropout,
      dora: settings.use_dora,
      checkpointing: settings.gradient_checkpointing,
      streaming: settings.weight_streaming,
      seed: settings.seed,
    },
    { signal },
  );
  stack.defer(() => trainer.close());
  if (settings.use_peft) beginWith(trainer, modules, settings, earlier?.values ?? null);

  const bound = adapterBase(base.opened.model);
  if (settings.use_peft) checkSaved(bound, parts.whole, trainer);
  const made = (): MadeAdapter => adapterOf(bound, baseName, trainer, { modules, whole: parts.whole }, trainer.readState());
  let nextMs = 0;
  await forgetWish(runFolder);
  context.wishes.open();
  try {
    const end = await runTraining({
      trainer,
      data,
      settings,
      togetherTokens,
      vocabulary: parts.family.vocabulary,
      checkpointFolder,
      fingerprint: fingerprintOf(settings, parts, file.sha256, base, request.adapterPath),
      signal,
      takeWish: () => context.wishes.take() ?? takeWrittenWish(runFolder),
      tell: {
        log: async (entry) => {
          await appendLine(runFolder, LOG_FILE, entry);
          push({ type: 'log', entry });
        },
        checkpoint: (saved) => push({ type: 'checkpoint', checkpoint: saved }),
        progress: (amount, total) => {
          const nowMs = performance.now();
          if (nowMs < nextMs) return;
          nextMs = nowMs + PROGRESS_MS;
          push({ type: 'progress', phase: 'train.training', detail: null, amount, total, unit: 'tokens' });
        },
        begin: async (step) => {
          await keepUntil(runFolder, step);
          push({
            type: 'planned',
            totalSteps: planSteps(data.rows.length, settings).totalSteps,
            firstStep: step,
            memoryBytes: Math.round(memory.totalBytes),
          });
        },
        samples: async (step) => {
          await using folder = await workingFolder(request.scratchFolder);
          const path = join(folder.path, 'now.gguf');
          if (settings.use_peft) await writeAdapter(made(), 'gguf', path, signal);
          else await writeTrainedModel(base, trainer, trainer.readState(), path);
          const [modelPath, adapterPath] = settings.use_peft ? [base.modelPath, path] : [path, null];
          const { sample_prompts: prompts, sample_tokens: tokens, chat_template: chatTemplate } = settings;
          const ways = { modelPath, adapterPath, prompts, tokens, chatTemplate };
          const said = await saySamples({ runtime, vocabulary, templates, threads, signal, ...ways });
          for (const [index, text] of said.entries()) {
            const sample = { step, prompt: settings.sample_prompts[index] ?? '', text };
            await appendLine(runFolder, SAMPLES_FILE, sample);
            push({ type: 'sample', sample });
          }
        },
      },
    });
    return await result(end);
  } finally {
    context.wishes.close();
  }

  async function result({ reason, step, warnings }: RunEnd): Promise<Finished> {
    // What GGUF's adapters have no place for.
    const [odd] = [settings.use_dora ? 'use_dora' : null, parts.whole.length > 0 ? 'modules_to_save' : null].filter(
      (name) => name !== null,
    );
    const needsPeft = settings.use_peft && odd !== undefined ? [toErrorData(new AppError('train.onlyPeft', { setting: odd }))] : [];
    const finished = { type: 'finished' as const, step, warnings: [...warnings, ...needsPeft] };
    if (reason === 'paused') return { ...finished, warnings: [], reason: null, files: [] };
    phase('train.writing');
    const { outputPath } = request;
    const files: Finished['files'] = [];
    const write = async (path: string, kind: Finished['files'][number]['kind'], make: () => Promise<number>): Promise<void> => {
      files.push({ path, kind, sizeBytes: await make() });
    };
    const gguf = `${outputPath}.gguf`;
    if (!settings.use_peft) await write(gguf, 'gguf', () => writeTrainedModel(base, trainer, trainer.readState(), gguf));
    else {
      if (needsPeft.length === 0) await write(gguf, 'gguf-adapter', () => writeAdapter(made(), 'gguf', gguf, signal));
      await write(outputPath, 'peft-adapter', () => writeAdapter(made(), 'peft', outputPath, signal));
    }
    return { ...finished, reason, files };
  }
}

/** Systems that promise more memory than they have end the program when it is used; a device says itself what it lacks. */
function checkMemory(neededBytes: number, freeBytes: number): void {
  if (neededBytes > freeBytes) throw new AppError('train.tooLittleMemory', { neededBytes, freeBytes });
}

async function loadMade(path: string, base: TrainingBase, signal: AbortSignal): Promise<MadeAdapter> {
  await using opened = await openAdapter(path, 'adapter');
  return await loadAdapter(opened, adapterBase(base.opened.model), signal);
}

/** Settings that say when and what a run tells, not what it learns: a run can go on with others. */
/** Settings that came later, and how they are in runs from before: these have checkpoints to go on from. */
const addedLater = new Map([['layers_to_transform', '[]']]);

const tellingOnly = new Set(['logging_steps', 'save_steps', 'save_total_limit', 'sample_steps', 'sample_prompts', 'sample_tokens']);

/** What a checkpoint and the run that goes on from it have in common. */
function fingerprintOf(
  settings: TrainingSettings,
  { family }: TrainedParts,
  dataSha256: string,
  { header }: TrainingBase,
  adapterPath: string | null,
): string {
  const counted = Object.entries(settings).filter(
    ([name, value]) => !tellingOnly.has(name) && addedLater.get(name) !== JSON.stringify(value),
  );
  const tensors = header.tensors.map(({ name, type, dimensions }) => [name, type, dimensions]);
  const all = JSON.stringify([counted, family, dataSha256, tensors, adapterPath]);
  return createHash('sha256').update(all).digest('hex');
}
