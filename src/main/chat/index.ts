import { said } from '#core/chat/summary.ts';
import { titleOf, turnsTo } from '#core/chat/thread.ts';
import { AppError } from '#core/errors/index.ts';
import { defaultLoad, type LoadSettings } from '#core/memory/load.ts';
import type { AdapterUse } from '#contract/adapters.ts';
import type { EngineStatus, Message, MixedAdapter, Thread } from '#contract/chat.ts';
import { sampling as samplingSchema } from '#contract/chat.ts';
import type { AppHandlers } from '#contract/index.ts';
import type { Model } from '#contract/library.ts';
import type { Settings } from '#contract/system.ts';
import { listeners, streamOf } from '../changes.ts';
import type { ChatRepository } from '../db/chats.ts';
import type { ChangeFeed } from '../db/feed.ts';
import type { Database } from '../db/open.ts';
import type { Engines } from '../engines/index.ts';
import { newId } from '../ids.ts';
import { usableAdapters } from '../jobs/adapters.ts';
import type { Library } from '../library/index.ts';
import type { Log } from '../log.ts';
import type { Memory } from '../memory/index.ts';
import { pushStream } from '../push-stream.ts';
import { makeRemoteAnswer, type RemoteAnswerRequest } from '../remote/answer.ts';
import type { RemoteEngines } from '../remote/index.ts';
import { createAnswers } from './answers.ts';
import {
  engineRequest,
  joined,
  makeAnswer,
  type AnswerEvent,
  type AnswerFacts,
  type AnswerRequest,
  type GenerationEvent,
} from './generation.ts';
import { fileNameOf, jsonOf, markdownOf, readChat } from './files.ts';
import { unloadWhenIdle } from './idle.ts';
import { loadRoom } from './load-room.ts';
import { createLoadedModel } from './loaded-model.ts';
import { hitOf, wordsOf } from './search.ts';
import { chatTools } from './tools.ts';
import { turnstile } from './turns.ts';

type Handlers = AppHandlers['chat'];
type ThreadChange = Omit<Parameters<Handlers['update']>[0], 'threadId'>;
/** An answer without a thread, as it is made. */
export type TextEvent =
  | Extract<AnswerEvent, { type: 'text' }>
  | { readonly type: 'finished'; readonly facts: AnswerFacts; readonly text: string };
type ChatEvent = { readonly type: 'changed'; readonly thread: Thread } | { readonly type: 'removed'; readonly threadId: string };

export interface ChatOptions {
  readonly database: Database;
  readonly repository: ChatRepository;
  readonly feed: ChangeFeed;
  readonly engines: Pick<Engines, 'inference' | 'subscribe'>;
  readonly library: Pick<Library, 'get' | 'usable' | 'setUsed'>;
  readonly memory: Pick<Memory, 'shapeOf' | 'cards' | 'record'>;
  readonly remote: Pick<RemoteEngines, 'target'>;
  readonly models: () => readonly Model[];
  readonly settings: () => Settings;
  /** For what is made to be read once. */
  readonly scratchFolder: string;
  readonly log: Log;
  readonly clock: () => number;
}

export type CompletionRequest = Omit<AnswerRequest, 'model' | 'adapters'> & {
  readonly modelId: string;
  /** Beside the model's weights, in this order; default none. */
  readonly adapters?: readonly AdapterUse[];
};

/** What answers: a model of the library, or one of a remote engine. */
type Runnable = Pick<AnswerRequest, 'model' | 'adapters'> | Pick<RemoteAnswerRequest, 'remote'>;

interface Embedding {
  readonly index: number;
  readonly vector: readonly number[];
  readonly tokens: number;
}

/** What was removed can be brought back for this long. */
const REMOVED_KEPT_MS = 30 * 24 * 3600 * 1000;

export type Chat = ReturnType<typeof createChat>;

/** Conversations with models, and the one model that is loaded for them. */
export function createChat(options: ChatOptions) {
  const { database, repository, feed, engines, library, memory, remote, models, settings, scratchFolder, log, clock } = options;
  const turns = turnstile();
  const settingsOf = (modelId: string): LoadSettings => repository.loadSettings(modelId) ?? defaultLoad;
  const room = loadRoom({ engines, memory });
  const loadedModel = createLoadedModel({ engines, threads: () => settings().threads, settingsOf, room, scratchFolder });
  const answers = createAnswers<AnswerRequest | RemoteAnswerRequest>({
    repository,
    answer: async (request, context) =>
      'remote' in request
        ? makeRemoteAnswer(request, context)
        : { facts: await makeAnswer(request, { turnstile: turns, loadedModel, ...context }), calls: [] },
    log,
    clock,
  });
  const changes = listeners<ChatEvent>();
  const leaveFeed = feed.subscribe('thread', (id) => {
    const thread = repository.thread(id);
    changes.emit(thread === undefined ? { type: 'removed', threadId: id } : { type: 'changed', thread });
  });
  const tools = chatTools({ settings, models, clock });
  const idle = unloadWhenIdle({
    subscribe: loadedModel.subscribe,
    afterMinutes: () => settings().unloadAfterMinutes,
    unload: () => unload(new AbortController().signal),
  });
  const leaveSettings = feed.subscribe('settings', idle.arm);
  repository.purge(clock() - REMOVED_KEPT_MS);

  const threadOf = (id: string): Thread => {
    const thread = repository.thread(id);
    if (thread === undefined) throw new AppError('chat.unknownThread', {});
    return thread;
  };
  const messageOf = (threadId: string, id: string): Message => {
    const message = repository.message(id);
    if (message === undefined || message.threadId !== threadId) throw new AppError('chat.unknownMessage', {});
    return message;
  };

  /** The model, if one can talk to it. Throws what stands in the way. */
  const chatModel = async (id: string | null): Promise<Model> => {
    if (id === null) throw new AppError('chat.noModel', {});
    const model = await library.usable(id);
    if (model.kind !== 'gguf') throw new AppError('chat.needsGguf', { name: model.name });
    return model;
  };

  /** Those of a mix that are on. Throws `jobs.needsAdapter`, and what keeps an adapter's files from being used. */
  const adaptersOn = (mix: readonly MixedAdapter[]) =>
    usableAdapters(
      library,
      mix.filter(({ isOn }) => isOn),
    );

  const templateOf = (modelId: string) => ({ override: repository.template(modelId) ?? null });

  /** Without being told otherwise, a model without a template continues text, and one with a template chats. */
  const modeFor = (modelId: string | null | undefined, present: Thread['mode']): Thread['mode'] => {
    if (modelId === null || modelId === undefined) return present;
    const { hasChatTemplate } = library.get(modelId).facts;
    return hasChatTemplate === undefined ? present : hasChatTemplate ? 'chat' : 'text';
  };

  /** The one of the two that a change names takes the other's place. */
  const chosen = (thread: Thread, { modelId, remote: choice }: ThreadChange): Pick<Thread, 'modelId' | 'remote'> => {
    if (choice !== undefined && choice !== null) return { modelId: null, remote: choice };
    if (modelId !== undefined && modelId !== null) return { modelId, remote: null };
    return { modelId: modelId === null ? null : thread.modelId, remote: choice === null ? null : thread.remote };
  };

  const changed = (thread: Thread, { title, modelId, mode, systemPrompt, ...change }: ThreadChange): Thread => ({
    ...thread,
    title: title ?? thread.title,
    ...chosen(thread, { modelId, ...change }),
    mode: mode ?? modeFor(modelId === thread.modelId ? undefined : modelId, thread.mode),
    systemPrompt: systemPrompt ?? thread.systemPrompt,
    sampling: change.sampling ?? thread.sampling,
    answerCount: change.answerCount ?? thread.answerCount,
    adapters: change.adapters ?? thread.adapters,
    tools: change.tools ?? thread.tools,
    folder: change.folder ?? thread.folder,
  });

  const emptyThread = (): Thread => ({
    id: newId(),
    title: '',
    modelId: null,
    remote: null,
    mode: 'chat',
    systemPrompt: '',
    sampling: samplingSchema.parse({}),
    answerCount: 1,
    adapters: [],
    tools: [],
    folder: '',
    createdMs: clock(),
    updatedMs: clock(),
  });

  /** What of a thread runs. Throws what stands in the way of its model or an adapter. */
  const runnableOf = async ({ modelId, remote: choice, adapters }: Thread): Promise<Runnable> =>
    choice === null
      ? { model: await chatModel(modelId), adapters: await adaptersOn(adapters) }
      : { remote: { target: remote.target(choice.engineId), model: choice.model } };
  const noteUse = (runnable: Runnable): void => {
    if ('model' in runnable) library.setUsed(runnable.model.id);
  };

  /** What of a request does not come from its messages. */
  const asked = (thread: Thread) => ({
    mode: thread.mode,
    systemPrompt: thread.systemPrompt,
    sampling: thread.sampling,
    template: thread.modelId === null ? undefined : repository.template(thread.modelId),
    tools: thread.mode === 'chat' ? tools.named(thread.tools) : [],
  });

  const newMessage = (message: Pick<Message, 'threadId' | 'parentId' | 'role' | 'text'> & Partial<Message>): Message => {
    const made: Message = { facts: null, error: null, createdMs: clock(), ...message, id: newId() };
    repository.addMessage(made);
    return made;
  };

  /** Stream an answer into a new message after `parentId`. `told`: messages that were saved before it. */
  const answer = (
    thread: Thread,
    runnable: Runnable,
    parentId: string,
    told: readonly Message[],
    signal: AbortSignal,
  ): AsyncIterable<GenerationEvent> => {
    const message = newMessage({ threadId: thread.id, parentId, role: 'assistant', text: '' });
    noteUse(runnable);
    const request = { ...asked(thread), ...runnable, ...said(repository.messages(thread.id), parentId) };
    return answers.stream(message, request, { type: 'started', messages: [...told, message] }, signal);
  };

  const touch = (thread: Thread): void => repository.setThread({ ...threadOf(thread.id), updatedMs: clock() });

  const handlers: Handlers = {
    threads: () => repository.threads(),
    thread: ({ threadId }) => ({ thread: threadOf(threadId), messages: repository.messages(threadId) }),
    create: (given) => {
      if (given.modelId !== undefined && given.modelId !== null) library.get(given.modelId);
      const thread = changed(emptyThread(), given);
      repository.addThread(thread);
      return thread;
    },
    update: ({ threadId, ...change }) => {
      if (change.modelId !== undefined && change.modelId !== null) library.get(change.modelId);
      const thread = changed(threadOf(threadId), change);
      repository.setThread(thread);
      return thread;
    },
    remove: async ({ threadId }) => {
      threadOf(threadId);
      await answers.stopThread(threadId);
      repository.removeThread(threadId, clock());
      return {};
    },
    restore: ({ threadId }) => {
      repository.restoreThread(threadId);
      return threadOf(threadId);
    },
    send: async function* ({ threadId, parentId, text }, { signal }) {
      const thread = threadOf(threadId);
      if (parentId !== null) messageOf(threadId, parentId);
      const runnable = await runnableOf(thread);
      // The question and the place of its answer are seen together.
      const stream = database.write(() => {
        const title = thread.title === '' ? titleOf(text) : thread.title;
        repository.setThread({ ...threadOf(threadId), title, updatedMs: clock() });
        const question = newMessage({ threadId, parentId, role: 'user', text });
        return answer(thread, runnable, question.id, [question], signal);
      });
      yield* stream;
    },
    regenerate: async function* ({ threadId, messageId, seed, ...change }, { signal }) {
      const thread = changed(threadOf(threadId), change);
      const message = messageOf(threadId, messageId);
      const runnable = await runnableOf(thread);
      const questionId = message.role === 'assistant' ? message.parentId : message.id;
      if (questionId === null) throw new AppError('chat.unknownMessage', {});
      const seeded = seed === undefined ? thread : { ...thread, sampling: { ...thread.sampling, seed } };
      yield* database.write(() => {
        touch(thread);
        return answer(seeded, runnable, questionId, [], signal);
      });
    },
    resume: async function* ({ threadId, messageId }, { signal }) {
      const thread = threadOf(threadId);
      const message = messageOf(threadId, messageId);
      if (message.role !== 'assistant') throw new AppError('chat.unknownMessage', {});
      if (thread.remote !== null) throw new AppError('remote.noContinuation', {});
      const runnable = await runnableOf(thread);
      noteUse(runnable);
      const messages = repository.messages(threadId);
      // What it began from, it goes on from.
      const conversation = { ...said(messages, messageId), turns: turnsTo(messages, message.parentId) };
      const request = { ...asked(thread), ...runnable, ...conversation, prefill: message.text };
      yield* answers.stream(message, request, { type: 'started', messages: [message] }, signal);
    },
    callTools: async function* ({ threadId, messageId, results }, { signal }) {
      const thread = threadOf(threadId);
      const { toolCalls = [] } = messageOf(threadId, messageId);
      const runnable = await runnableOf(thread);
      const told = toolCalls.map((call) => {
        const result = results.find(({ callId }) => callId === call.id);
        if (result === undefined) throw new AppError('chat.unknownTool', { name: call.name });
        return { call, text: result.text ?? tools.call(call) };
      });
      if (told.length === 0) throw new AppError('chat.unknownMessage', {});
      yield* database.write(() => {
        touch(thread);
        let parentId = messageId;
        const saved = told.map(({ call, text }) => {
          const message = newMessage({ threadId, parentId, role: 'tool', text, toolCallId: call.id });
          parentId = message.id;
          return message;
        });
        return answer(thread, runnable, parentId, saved, signal);
      });
    },
    editMessage: ({ threadId, messageId, text }) => {
      const { id: _, createdMs: __, toolCalls: ___, ...message } = messageOf(threadId, messageId);
      return database.write(() => {
        touch(threadOf(threadId));
        return newMessage({ ...message, text, error: null, facts: message.facts === null ? null : editedFacts(message.facts) });
      });
    },
    prompt: async ({ threadId, parentId, text, ...change }) => {
      const thread = changed(threadId === null ? emptyThread() : threadOf(threadId), change);
      if (threadId !== null && parentId !== null) messageOf(threadId, parentId);
      const status = loadedModel.status();
      if (status.state !== 'ready' || status.modelId !== thread.modelId) throw new AppError('engine.noModel', {});
      const messages = threadId === null ? [] : repository.messages(threadId);
      // As it will stand there when this text has been sent.
      const next = { id: '', parentId, role: 'user' as const, text, facts: null };
      const { inference } = await engines.inference();
      const conversation = text === '' ? said(messages, parentId) : said([...messages, next], next.id);
      return inference.prompt(engineRequest({ ...asked(thread), ...conversation }));
    },
    tokens: ({ threadId, messageId }) => {
      messageOf(threadId, messageId);
      return { tokens: repository.tokens(messageId) ?? null };
    },
    removeMessage: async ({ threadId, messageId }) => {
      messageOf(threadId, messageId);
      await answers.stopThread(threadId);
      repository.removeMessage(messageId, clock());
      return {};
    },
    restoreMessage: ({ threadId, messageId }) => {
      if (!repository.restoreMessage(threadId, messageId)) throw new AppError('chat.unknownMessage', {});
      return {};
    },
    search: ({ query, limit }) => {
      const words = wordsOf(query);
      return words.length === 0 ? [] : repository.search(words, limit).map((found) => hitOf(found, words));
    },
    renameFolder: ({ from, to }) => {
      repository.renameFolder(from, to);
      return {};
    },
    save: ({ threadId, format, leafId }) => {
      const thread = threadOf(threadId);
      const messages = repository.messages(threadId);
      return format === 'json'
        ? { name: fileNameOf(thread.title, 'json'), text: jsonOf(thread, messages) }
        : { name: fileNameOf(thread.title, 'md'), text: markdownOf(thread, messages, leafId) };
    },
    open: ({ name, text }) => {
      const { thread, messages } = readChat(name, text, clock());
      const saved = { ...thread, updatedMs: clock() };
      database.write(() => {
        repository.addThread(saved);
        for (const message of messages) repository.addMessage(message);
      });
      return saved;
    },
    template: ({ modelId }) => templateOf(modelId),
    setTemplate: async ({ modelId, source }) => {
      library.get(modelId);
      if (source !== null) {
        const { inference } = await engines.inference();
        await inference.tryTemplate({ template: source });
      }
      repository.setTemplate(modelId, source);
      return templateOf(modelId);
    },
    checkFormat: async ({ format }) => {
      const { inference } = await engines.inference();
      await inference.checkFormat({ format });
      return {};
    },
    changes: (_, { signal }) =>
      streamOf(changes.add, { signal, key: (event) => (event.type === 'changed' ? event.thread.id : event.threadId) }),
    loadSettings: ({ modelId }) => {
      library.get(modelId);
      return settingsOf(modelId);
    },
    setLoadSettings: ({ modelId, settings: given }) => {
      library.get(modelId);
      repository.setLoadSettings(modelId, given);
      return settingsOf(modelId);
    },
    load: async ({ modelId, contextLength, force = false }, { signal }) => {
      const model = await chatModel(modelId);
      const leave = await turns.enter(signal);
      try {
        await loadedModel.load({ model, adapters: null, contextLength: contextLength ?? null, force, signal });
      } finally {
        leave();
      }
      library.setUsed(modelId);
      return loadedModel.status();
    },
    unload: async (_, { signal }) => {
      // What it is saying would only be said again by loading it anew. What is made elsewhere goes on.
      await answers.stopAll((request) => 'model' in request);
      return unload(signal);
    },
    status: (_, { signal }) =>
      streamOf<EngineStatus>(loadedModel.subscribe, { signal, key: () => 'status', first: [loadedModel.status()] }),
    generate: async function* ({ modelId, prompt, mode, systemPrompt, sampling, adapters }, { signal }) {
      const model = await chatModel(modelId);
      const used = await adaptersOn(adapters);
      library.setUsed(modelId);
      const turns = [{ role: 'user' as const, text: prompt }];
      yield* generateText({ model, adapters: used, mode, systemPrompt, sampling, turns, template: repository.template(modelId) }, signal);
    },
  };

  /** Answer without a thread, in turn with all others. Leaving the stream stops the answer. */
  async function* generateText(request: AnswerRequest, signal: AbortSignal): AsyncGenerator<TextEvent> {
    const stop = new AbortController();
    const leave = (): void => stop.abort();
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    const events = pushStream<TextEvent>((waiting, next) =>
      waiting.type === 'text' && next.type === 'text' ? joined(waiting, next) : undefined,
    );
    let text = '';
    const tell = (event: AnswerEvent): void => {
      if (event.type !== 'text') return;
      text += event.text;
      events.push(event);
    };
    const making = makeAnswer(request, { turnstile: turns, loadedModel, stop: stop.signal, tell }).then((facts) => {
      events.push({ type: 'finished', facts, text });
      events.end();
    }, events.end);
    try {
      yield* events.values();
    } finally {
      leave();
      signal.removeEventListener('abort', leave);
      await making;
    }
  }

  /** Vectors of texts, in turn with all answers. */
  async function* embed(modelId: string, texts: readonly string[], signal: AbortSignal): AsyncGenerator<Embedding> {
    const model = await chatModel(modelId);
    const leave = await turns.enter(signal);
    try {
      const inference = await loadedModel.load({ model, adapters: null, contextLength: null, signal });
      library.setUsed(modelId);
      yield* inference.embed({ texts: [...texts] }, { signal });
    } finally {
      leave();
    }
  }

  const unload = async (signal: AbortSignal): Promise<EngineStatus> => {
    const leave = await turns.enter(signal);
    try {
      await loadedModel.unload();
    } finally {
      leave();
    }
    return loadedModel.status();
  };

  return {
    handlers,
    isBusy: answers.isBusy,
    /** Answer a request of another program. Throws what stands in the model's way. */
    complete: async function* ({ modelId, adapters = [], ...request }: CompletionRequest, signal: AbortSignal): AsyncGenerator<TextEvent> {
      const model = await chatModel(modelId);
      const used = await usableAdapters(library, adapters);
      library.setUsed(modelId);
      yield* generateText({ ...request, model, adapters: used, template: repository.template(modelId) }, signal);
    },
    embed,
    /** Unload a model, if it is the one that is loaded. */
    letGo: async (modelId: string): Promise<void> => {
      const status = loadedModel.status();
      if (status.state === 'ready' && status.modelId === modelId) await unload(new AbortController().signal);
    },
    close: async (): Promise<void> => {
      await answers.stopAll();
      leaveFeed();
      leaveSettings();
      idle.close();
      loadedModel.close();
    },
  };
}

/** The tokens of other words are not known. */
const editedFacts = ({ hasTokens: _, ...facts }: NonNullable<Message['facts']>): Message['facts'] => ({ ...facts, isEdited: true });
