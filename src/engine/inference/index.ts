import { tmpdir } from 'node:os';
import { AppError } from '#core/errors/index.ts';
import { summarisedTurns } from '#core/chat/summary.ts';
import { shapeFromGguf } from '#core/memory/shape-gguf.ts';
import type { inferenceContract } from '#contract/engine.ts';
import type { Handlers } from '#contract/define.ts';
import { eventQueue } from '../event-queue.ts';
import type { EngineLog } from '../log.ts';
import { embed } from './embed.ts';
import { checkFormat } from './format.ts';
import { generate } from './generate.ts';
import { KeptAdapters } from './kept-adapters.ts';
import { loadLlama, type LlamaRuntime } from './llama.ts';
import { measureThreads, openContext, openModel, readHeader, type OpenContext, type OpenModel } from './model.ts';
import { fitPrompt } from './prompt.ts';
import { summarised } from './summary.ts';
import { createTemplateRunner } from './template-runner.ts';

type InferenceHandlers = Handlers<typeof inferenceContract>['inference'];
type LoadInput = Parameters<InferenceHandlers['load']>[0];
type LoadEvent = ReturnType<InferenceHandlers['load']> extends AsyncIterable<infer E> ? E : never;

const PROGRESS_EVENT_MS = 100;

/** What a template is tried with: a system prompt, and turns that alternate. */
const SAMPLE = {
  systemPrompt: 'You are a helpful assistant.',
  turns: [
    { role: 'user', text: 'Hello.' },
    { role: 'assistant', text: 'Hello. What can I do for you?' },
    { role: 'user', text: 'Tell me a story.' },
  ],
} as const;

/** The inference engine: one model with one context at a time. */
export function createInference(log: EngineLog): InferenceHandlers {
  let runtime: Promise<LlamaRuntime> | undefined;
  let open: OpenModel | undefined;
  let context: OpenContext | undefined;
  let adapters: KeptAdapters | undefined;
  /** What has the model to itself; what was cancelled may still be on its way out. */
  let holder: { readonly signal: AbortSignal; readonly gone: Promise<void>; readonly stop: AbortController } | undefined;
  /** Threads that were measured, by model file. */
  const measured = new Map<string, number>();
  const templates = createTemplateRunner();

  /** Take the model for one piece of work; returns what gives it back. Throws `engine.busy`. */
  const hold = async (signal: AbortSignal): Promise<{ readonly stop: AbortSignal; release(): void }> => {
    while (holder !== undefined) {
      if (!holder.signal.aborted) throw new AppError('engine.busy', {});
      await holder.gone;
    }
    const { promise: gone, resolve } = Promise.withResolvers<void>();
    const stop = new AbortController();
    holder = { signal, gone, stop };
    const release = (): void => {
      holder = undefined;
      resolve();
    };
    return { stop: stop.signal, release };
  };

  const closeContext = async (): Promise<void> => {
    const closing = context;
    context = undefined;
    await closing?.context.dispose();
  };
  const closeModel = async (): Promise<void> => {
    await closeContext();
    const closing = open;
    open = undefined;
    await closing?.model.dispose();
    const kept = adapters;
    adapters = undefined;
    await kept?.[Symbol.asyncDispose]();
  };

  /** A failed start is tried again by the next one who asks. */
  const start = (): Promise<LlamaRuntime> =>
    (runtime ??= loadLlama(log).catch((error: unknown) => {
      runtime = undefined;
      throw error;
    }));

  const load = async (input: LoadInput, signal: AbortSignal, tell: (event: LoadEvent) => void): Promise<void> => {
    tell({ type: 'stage', stage: 'starting', fraction: null });
    const started = await start();
    if (open?.path !== input.modelPath || open.askedLayers !== input.gpuLayers) {
      await closeModel();
      signal.throwIfAborted();
      // llama.cpp reports each tensor, some of it late; a screen wants to know ten times a second.
      let nextMs = 0;
      const progress = (fraction: number): void => {
        if (performance.now() < nextMs) return;
        nextMs = performance.now() + PROGRESS_EVENT_MS;
        tell({ type: 'stage', stage: 'reading', fraction: Math.min(1, Math.max(0, fraction)) });
      };
      progress(0);
      open = await openModel(started, input.modelPath, { signal, progress, gpuLayers: input.gpuLayers, force: input.force });
      nextMs = Infinity;
    }
    const { model, path, chatTemplate } = open;
    const threads = input.threads ?? measured.get(path) ?? (await measureThreads(open, signal));
    if (input.threads === null) measured.set(path, threads);
    // The context before stays where they do not fit.
    adapters ??= new KeptAdapters(path);
    const files = await adapters.files(input.adapters, input.scratchFolder ?? tmpdir(), signal);
    tell({ type: 'stage', stage: 'context', fraction: null });
    await closeContext();
    const { contextLength, cacheType, flashAttention, force } = input;
    const { llama, allocations } = started;
    allocations.newContext();
    context = await openContext(open, { contextLength, cacheType, flashAttention, force, threads, adapters: files, signal });
    tell({
      type: 'ready',
      contextLength: context.context.contextSize,
      gpuLayers: model.gpuLayers,
      threads,
      hasChatTemplate: chatTemplate !== null,
      gpu: model.gpuLayers > 0 && llama.gpu !== false ? llama.gpu : null,
      allocated: await allocations.found(),
    });
  };

  return {
    load: async function* (input, { signal }) {
      const { release } = await hold(signal);
      const events = eventQueue<LoadEvent>({ replaces: (newest, waiting) => newest.type === 'stage' && waiting.type === 'stage' });
      const loading = load(input, signal, events.push)
        .then(() => events.end(), events.end)
        .finally(release);
      yield* events;
      await loading;
    },
    unload: async (_, { signal }) => {
      const { release } = await hold(signal);
      try {
        await closeModel();
      } finally {
        release();
      }
      return {};
    },
    gpu: async () => {
      const { llama } = await start();
      return { gpu: llama.gpu === false ? null : llama.gpu };
    },
    shape: async ({ modelPath }) => ({ shape: shapeFromGguf(await readHeader(modelPath)) }),
    generate: async function* (input, { signal }) {
      const { stop, release } = await hold(signal);
      try {
        if (open === undefined || context === undefined) throw new AppError('engine.noModel', {});
        const work = { signal, stop, templates };
        yield* generate(open, context, yield* summarised(open, context, input, work), work);
      } finally {
        release();
      }
    },
    prompt: async (input) => {
      if (open === undefined || context === undefined) throw new AppError('engine.noModel', {});
      const { model } = open;
      const contextLength = context.context.contextSize;
      const { tokens, cut, fits } = await fitPrompt(open, contextLength, input, templates);
      // A model that was unloaded meanwhile cannot name its tokens.
      if (model.disposed) throw new AppError('engine.noModel', {});
      const special = [...new Set(tokens)].filter((token) => model.isSpecialToken(token));
      return {
        text: model.detokenize([...tokens], true),
        specialTokens: [...new Set(special.map((token) => model.detokenize([token], true)))].filter((text) => text !== ''),
        promptTokens: tokens.length,
        contextLength,
        fits,
        summarisedTurns: input.sampling.contextPolicy === 'summarise' ? summarisedTurns(input.turns, input.summary) : 0,
        ...cut,
      };
    },
    tryTemplate: async ({ template }) => ({
      text: await templates.render({ source: template, conversation: SAMPLE, tokens: { bos: '<s>', eos: '</s>' } }),
    }),
    checkFormat: async ({ format }) => {
      await checkFormat(await start(), format);
      return {};
    },
    embed: async function* ({ texts }, { signal }) {
      const { release } = await hold(signal);
      try {
        if (open === undefined || context === undefined) throw new AppError('engine.noModel', {});
        yield* embed(open, context.threads, texts, signal);
      } finally {
        release();
      }
    },
    stop: () => {
      holder?.stop.abort();
      return {};
    },
  };
}
