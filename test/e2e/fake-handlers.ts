import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineStatus, Message, Thread } from '#contract/chat.ts';
import { sampling } from '#contract/chat.ts';
import type { AppHandlers } from '#contract/index.ts';
import { jobSpec, type Job } from '#contract/jobs.ts';
import type { Model } from '#contract/library.ts';
import { settings, type Settings } from '#contract/system.ts';
import { GiB, MiB } from '#core/bytes.ts';
import { AppError, toErrorData } from '#core/errors/index.ts';
import { fakeChat, fakeToken } from './fake-chat.ts';
import { adapterHandlers, mergeJobs } from './fake-adapters.ts';
import { benchmarkHandlers } from './fake-benchmark.ts';
import { trainingHandlers } from './fake-training.ts';
import * as data from './fake-data.ts';
import { endedJobs, madeJob, quantizeJobs, runningJobs } from './fake-jobs.ts';
import { cards, fakePlan, fakeRecipes } from './fake-quantize.ts';
import { fakeLoadSettings, fakeMemory } from './fake-memory.ts';
import { fakeRemote } from './fake-remote.ts';
import { fakeServer } from './fake-server.ts';

/**
 * A stand-in for the program behind the page: it keeps what it is told and answers at once, so that every state of a
 * screen can be shown without a model. What the program really does is tested against the program itself.
 */
export type Scene = 'empty' | 'filled' | 'running' | 'error';

/** Listeners of one stream of the contract. */
class Feed<T> {
  readonly #listeners = new Set<(event: T) => void>();

  send(event: T): void {
    for (const listener of this.#listeners) listener(event);
  }

  async *listen(signal: AbortSignal, ...first: readonly T[]): AsyncGenerator<T> {
    const queue = [...first];
    let wake = (): void => undefined;
    const listener = (event: T): void => {
      queue.push(event);
      wake();
    };
    this.#listeners.add(listener);
    signal.addEventListener('abort', () => wake(), { once: true });
    try {
      while (!signal.aborted) {
        const event = queue.shift();
        if (event !== undefined) yield event;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      this.#listeners.delete(listener);
    }
  }
}

const home = '/home/mira';
const folders: Readonly<Record<string, readonly { name: string; isFolder: boolean; sizeBytes: number | null }[]>> = {
  [home]: [
    { name: 'Downloads', isFolder: true, sizeBytes: null },
    { name: 'models', isFolder: true, sizeBytes: null },
  ],
  [`${home}/models`]: [
    { name: 'SmolLM3-3B', isFolder: true, sizeBytes: null },
    { name: 'Qwen3-0.6B-Q8_0.gguf', isFolder: false, sizeBytes: 639 * MiB },
  ],
};

const READY = {
  state: 'ready' as const,
  heldBytes: [1200 * MiB],
  modelId: 'qwen7',
  contextLength: 8192,
  gpuLayers: 0,
  threads: 7,
  hasChatTemplate: true,
  generating: false,
} satisfies EngineStatus;

const statuses: Readonly<Record<Scene, EngineStatus>> = {
  empty: { state: 'empty' },
  filled: READY,
  running: { state: 'loading', modelId: 'stories', stage: 'reading', fraction: 0.62 },
  error: {
    state: 'failed',
    modelId: 'llama8',
    error: { code: 'engine.insufficientMemory', params: { file: 'Llama 3.1 8B Instruct.gguf' } },
  },
};

const EMPTY_MESSAGE = { facts: null, error: null } as const;

/** Words of an answer that never ends by itself. */
const ENDLESS = 'Certainly. Here is a **long answer** that goes on and on, word by word, so that one can see how it is written. '.split(
  /(?<= )/,
);

export interface FakeOptions {
  readonly scene: Scene;
  readonly settings?: Partial<Settings>;
}

export function fakeHandlers(options: FakeOptions): AppHandlers {
  const { scene } = options;
  const isEmpty = scene === 'empty';
  let chosen = settings.parse(options.settings ?? {});
  let status = statuses[scene];
  let serial = 0;
  const models = new Map<string, Model>(isEmpty ? [] : data.models.map((model) => [model.id, model]));
  const threads = new Map<string, Thread>(isEmpty ? [] : data.threads.map((thread) => [thread.id, thread]));
  const removed = new Map<string, Thread>();
  const messages = new Map<string, Message[]>(Object.entries(data.messages).map(([id, list]) => [id, [...list]]));
  const jobs = new Map<string, Job>(
    (isEmpty
      ? []
      : [
          ...(scene === 'running' ? [...runningJobs, ...quantizeJobs, ...mergeJobs((spec) => jobSpec.parse(spec))] : [madeJob]),
          ...(scene === 'error' || scene === 'running' ? endedJobs : []),
        ]
    ).map((job) => [job.id, job]),
  );
  const feeds = {
    library: new Feed<{ type: 'changed'; model: Model } | { type: 'removed'; modelId: string }>(),
    chat: new Feed<{ type: 'changed'; thread: Thread } | { type: 'removed'; threadId: string }>(),
    jobs: new Feed<{ type: 'changed'; job: Job } | { type: 'removed'; jobId: string }>(),
    settings: new Feed<Settings>(),
    status: new Feed<EngineStatus>(),
    memory: new Feed<never>(),
    log: new Feed<never>(),
  };
  const newId = (): string => `new${(serial += 1)}`;
  const modelOf = (id: string): Model => {
    const model = models.get(id);
    if (model === undefined) throw new AppError('model.noWeights', { path: id });
    return model;
  };
  const threadOf = (id: string): Thread => {
    const thread = threads.get(id);
    if (thread === undefined) throw new AppError('request.invalid', { path: 'chat.thread', problem: `no thread ${id}` });
    return thread;
  };
  const saveModel = (model: Model): Model => {
    models.set(model.id, model);
    feeds.library.send({ type: 'changed', model });
    return model;
  };
  const saveThread = (thread: Thread): Thread => {
    threads.set(thread.id, thread);
    feeds.chat.send({ type: 'changed', thread });
    return thread;
  };
  const saveJob = (job: Job): Job => {
    jobs.set(job.id, job);
    feeds.jobs.send({ type: 'changed', job });
    return job;
  };
  const loadSettings = fakeLoadSettings();
  const setStatus = (next: EngineStatus): EngineStatus => {
    status = next;
    feeds.status.send(next);
    return next;
  };
  const saveMessage = (message: Message): Message => {
    const list = messages.get(message.threadId) ?? [];
    messages.set(message.threadId, [...list.filter(({ id }) => id !== message.id), message]);
    return message;
  };
  const defined = <T extends object>(changes: T) => Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));

  async function* answer(thread: Thread, question: Message, asked: readonly Message[], signal: AbortSignal, begun?: Message) {
    const empty = saveMessage(
      begun ?? {
        id: newId(),
        threadId: thread.id,
        parentId: question.id,
        role: 'assistant',
        text: '',
        facts: null,
        error: null,
        createdMs: Date.now(),
      },
    );
    yield { type: 'started' as const, messages: [...asked, empty] };
    if (scene === 'error') throw new AppError('engine.crashed', { engine: 'inference', reason: 'SIGKILL' });
    const modelId = thread.modelId ?? 'qwen7';
    yield { type: 'loading' as const, stage: 'reading' as const, fraction: 0.62 };
    await sleep(scene === 'running' ? 3_600_000 : 60, undefined, { signal }).catch(() => undefined);
    setStatus({ ...READY, modelId, generating: true });
    let { text } = empty;
    const startedMs = Date.now();
    let tokens = 0;
    const finish = (stopReason: 'end' | 'stopped'): Message => {
      setStatus({ ...READY, modelId });
      return saveMessage({
        ...empty,
        text,
        facts: {
          modelId,
          modelName: models.get(modelId)?.name ?? modelId,
          ...(thread.remote === null
            ? {}
            : { modelId: null, modelName: thread.remote.model, remote: { name: 'Attic', host: '192.168.1.40:8000', isCounted: false } }),
          sampling: { ...thread.sampling, seed: 7 },
          promptTokens: 24,
          cachedTokens: 0,
          answerTokens: tokens,
          timeToFirstTokenMs: 62,
          tokensPerSecond: tokens / ((Date.now() - startedMs) / 1000),
          stopReason,
          ...(thread.sampling.topLogprobs === undefined ? {} : { hasTokens: true }),
        },
      });
    };
    try {
      const words = /forever/.test(question.text) ? null : ['You ', 'said: ', question.text];
      for (let index = 0; words === null || index < words.length; index += 1) {
        const word = words === null ? (ENDLESS[index % ENDLESS.length] ?? '') : (words[index] ?? '');
        text += word;
        tokens += 1;
        yield { type: 'text' as const, text: word, ...(thread.sampling.topLogprobs === undefined ? {} : { tokens: [fakeToken(word)] }) };
        await sleep(16, undefined, { signal });
      }
    } catch (error) {
      if (!signal.aborted) throw error;
      finish('stopped');
      feeds.chat.send({ type: 'changed', thread });
      return;
    }
    yield { type: 'finished' as const, message: finish('end') };
  }

  return {
    adapters: adapterHandlers(() => [...models.values()]),
    training: trainingHandlers(scene),
    benchmark: benchmarkHandlers(scene),
    library: {
      list: () => {
        if (scene === 'error')
          throw new AppError('internal.unexpected', { problem: 'database disk image is malformed' }, 'SqliteError: SQLITE_CORRUPT');
        return [...models.values()];
      },
      get: ({ modelId }) => {
        const model = modelOf(modelId);
        return {
          model,
          files: [
            { name: `${model.name}.gguf`, sizeBytes: model.sizeBytes, sha256: model.hash.status === 'pending' ? null : model.hash.sha256 },
          ],
          lineage:
            model.origin === 'made'
              ? {
                  parents: [{ modelId: 'smol', name: 'SmolLM3 3B', sha256: null, role: 'source' as const }],
                  recipe: {
                    kind: 'quantize',
                    target: model.facts.quantization?.startsWith('GPTQ') === true ? 'gptq-4' : model.facts.quantization,
                  },
                  versions: { lathe: '0.1.0', 'llama.cpp': 'b7400' },
                  children: [],
                }
              : { parents: [], recipe: null, versions: {}, children: [] },
          chatTemplate: model.facts.hasChatTemplate === true ? data.CHAT_TEMPLATE : null,
        };
      },
      find: ({ reference }) => modelOf(reference),
      import: async function* ({ path }, { signal }) {
        yield { type: 'looking', path };
        if (path.includes('never')) await sleep(3_600_000, undefined, { signal }).catch(() => undefined);
        if (path.endsWith('.bin')) {
          yield { type: 'problem', problem: { path, error: { code: 'model.pickle', params: { file: path } } } };
          return;
        }
        const base = data.models[0];
        if (base === undefined) return;
        yield {
          type: 'added',
          alreadyListed: false,
          model: saveModel({
            ...base,
            id: newId(),
            name: path.split('/').at(-1) ?? path,
            path,
            addedMs: Date.now(),
            lastUsedMs: Date.now(),
          }),
        };
      },
      update: ({ modelId, ...changes }) => saveModel({ ...modelOf(modelId), ...(defined(changes) as Partial<Model>) }),
      remove: ({ modelId, files }) => {
        models.delete(modelId);
        feeds.library.send({ type: 'removed', modelId });
        return { files: files === 'keep' ? ('kept' as const) : ('trashed' as const) };
      },
      refresh: ({ modelId, path }) => {
        const model = modelOf(modelId);
        if (path === undefined && model.state.status !== 'ready') throw AppError.from(model.state.error);
        return saveModel({ ...model, path: path ?? model.path, state: { status: 'ready' } });
      },
      tensors: ({ offset, limit }) => ({ total: data.tensors.length, rows: data.tensors.slice(offset, offset + limit) }),
      metadata: () => data.metadata,
      changes: (_, { signal }) => feeds.library.listen(signal),
    },
    chat: {
      threads: () => [...threads.values()],
      thread: ({ threadId }) => ({ thread: threadOf(threadId), messages: messages.get(threadId) ?? [] }),
      create: (given) =>
        saveThread({
          title: 'New chat',
          modelId: null,
          remote: null,
          mode: 'chat',
          systemPrompt: '',
          sampling: sampling.parse({}),
          answerCount: 1,
          adapters: [],
          tools: [],
          folder: '',
          ...(defined(given) as Partial<Thread>),
          id: newId(),
          createdMs: Date.now(),
          updatedMs: Date.now(),
        }),
      update: ({ threadId, ...changes }) =>
        saveThread({ ...threadOf(threadId), ...(defined(changes) as Partial<Thread>), updatedMs: Date.now() }),
      remove: ({ threadId }) => {
        removed.set(threadId, threadOf(threadId));
        threads.delete(threadId);
        feeds.chat.send({ type: 'removed', threadId });
        return {};
      },
      restore: ({ threadId }) => {
        const thread = removed.get(threadId);
        if (thread === undefined) throw new AppError('request.invalid', { path: 'chat.restore', problem: 'not removed' });
        return saveThread(thread);
      },
      send: async function* ({ threadId, parentId, text }, { signal }) {
        const thread = saveThread({ ...threadOf(threadId), updatedMs: Date.now() });
        const question = saveMessage({
          id: newId(),
          threadId,
          parentId,
          role: 'user',
          text,
          facts: null,
          error: null,
          createdMs: Date.now(),
        });
        yield* answer(thread, question, [question], signal);
      },
      regenerate: async function* ({ threadId, messageId }, { signal }) {
        const list = messages.get(threadId) ?? [];
        const old = list.find(({ id }) => id === messageId);
        const question = list.find(({ id }) => id === old?.parentId);
        if (question === undefined) throw new AppError('chat.emptyPrompt', {});
        yield* answer(threadOf(threadId), question, [], signal);
      },
      resume: async function* ({ threadId, messageId }, { signal }) {
        const list = messages.get(threadId) ?? [];
        const old = list.find(({ id }) => id === messageId);
        const question = list.find(({ id }) => id === old?.parentId);
        if (old === undefined || question === undefined) throw new AppError('chat.emptyPrompt', {});
        yield* answer(threadOf(threadId), question, [], signal, old);
      },
      callTools: async function* ({ threadId, messageId, results }, { signal }) {
        let parentId = messageId;
        const told = results.map(({ callId, text }) => {
          const message: Message = {
            ...EMPTY_MESSAGE,
            id: newId(),
            threadId,
            parentId,
            role: 'tool',
            text: text ?? '391',
            toolCallId: callId,
            createdMs: Date.now(),
          };
          parentId = message.id;
          return saveMessage(message);
        });
        const last = told.at(-1);
        if (last === undefined) throw new AppError('chat.emptyPrompt', {});
        yield* answer(threadOf(threadId), last, told, signal);
      },
      ...fakeChat({
        threads: () => [...threads.values()],
        threadOf,
        messagesOf: (threadId) => messages.get(threadId) ?? [],
        setMessages: (threadId, list) => void messages.set(threadId, [...list]),
        saveThread,
        newId,
      }),
      ...loadSettings.handlers,
      changes: (_, { signal }) => feeds.chat.listen(signal),
      load: ({ modelId, force = false }) => {
        const error = force ? null : loadSettings.short(modelOf(modelId));
        if (error === null) return setStatus({ ...READY, modelId });
        setStatus({ state: 'failed', modelId, error: toErrorData(error) });
        throw error;
      },
      unload: () => setStatus({ state: 'empty' }),
      status: (_, { signal }) => feeds.status.listen(signal, status),
      generate: async function* () {
        yield* [];
      },
    },
    memory: fakeMemory(scene),
    quantize: {
      recipes: ({ modelId, options }) => {
        if (modelOf(modelId).kind === 'gptq') throw new AppError('quantize.unsupportedCheckpoint', { format: 'marlin' });
        return fakeRecipes(options);
      },
      plan: ({ target, options, format }) => fakePlan(target, options, format),
      cards: ({ modelId }) => cards.filter((card) => card.modelId === modelId || card.sourceId === modelId),
    },
    jobs: {
      list: () => [...jobs.values()],
      start: ({ spec }) =>
        saveJob({
          id: newId(),
          spec,
          lane: 'cpu',
          state: 'running',
          phase: spec.kind === 'demo' ? 'demo.weights' : 'convert.writing',
          detail: null,
          fraction: 0.1,
          done: null,
          ratePerSecond: null,
          remainingMs: null,
          result: null,
          error: null,
          resumable: false,
          createdMs: Date.now(),
          startedMs: Date.now(),
          finishedMs: null,
        }),
      cancel: ({ jobId }) => saveJob({ ...(jobs.get(jobId) as Job), state: 'cancelled', finishedMs: Date.now() }),
      resume: ({ jobId }) => saveJob({ ...(jobs.get(jobId) as Job), state: 'running', error: null }),
      clear: ({ jobId }) => {
        for (const [id, { state }] of jobs) {
          if (state === 'running' || state === 'queued' || (jobId !== undefined && id !== jobId)) continue;
          jobs.delete(id);
          feeds.jobs.send({ type: 'removed', jobId: id });
        }
        return {};
      },
      watch: (_, { signal }) => new Feed<Job>().listen(signal),
      changes: (_, { signal }) => feeds.jobs.listen(signal),
    },
    remote: fakeRemote(scene),
    server: fakeServer(scene),
    system: {
      host: () => ({
        kind: 'serve',
        platform: 'linux',
        canPickFile: false,
        canReveal: false,
        hasTrash: true,
        home,
        modelFolder: `${home}/.lathe/models`,
        versions: { lathe: '0.1.0', node: '24.21.0', 'llama.cpp': 'b7400' },
      }),
      settings: () => chosen,
      changeSettings: (changes) => {
        chosen = { ...chosen, ...(defined(changes) as Partial<Settings>) };
        feeds.settings.send(chosen);
        return chosen;
      },
      settingsChanges: (_, { signal }) => feeds.settings.listen(signal),
      memory: (_, { signal }) =>
        feeds.memory.listen(signal, {
          timeMs: Date.now(),
          totalBytes: Math.round(31.2 * GiB),
          availableBytes: Math.round(17.9 * GiB),
          ownBytes: Math.round((isEmpty ? 0.4 : 5.6) * GiB),
          cores: 8,
        } as never),
      disk: ({ path }) => ({ path, freeBytes: 212 * GiB, totalBytes: 930 * GiB }),
      listFolder: ({ path }) => {
        const folder = path.replace(/(.)\/$/, '$1');
        const entries = folders[folder];
        if (entries === undefined) throw new AppError('request.invalid', { path: 'system.listFolder', problem: 'no such folder' });
        return { path: folder, parent: '/', entries: entries.map((entry) => ({ ...entry, path: `${folder}/${entry.name}` })), omitted: 0 };
      },
      pick: () => null,
      reveal: () => ({}),
      log: (_, { signal }) =>
        feeds.log.listen(
          signal,
          ...(['info', 'debug', 'warn', 'error', 'info'] as const).map(
            (level, index) =>
              ({
                timeMs: Date.now() - 5000 + index * 1000,
                level,
                source: index % 2 === 0 ? 'main' : 'engine',
                text: `Line ${index} of the log, as a program writes it.`,
              }) as never,
          ),
        ),
    },
  };
}
