import { titleOf, turnsTo } from '#core/chat/thread.ts';
import { AppError } from '#core/errors/index.ts';
import type { EngineStatus, Message, Thread } from '#contract/chat.ts';
import { sampling as samplingSchema } from '#contract/chat.ts';
import type { AppHandlers } from '#contract/index.ts';
import type { Model } from '#contract/library.ts';
import { listeners, streamOf } from '../changes.ts';
import type { ChatRepository } from '../db/chats.ts';
import type { ChangeFeed } from '../db/feed.ts';
import type { Database } from '../db/open.ts';
import type { Engines } from '../engines/index.ts';
import { newId } from '../ids.ts';
import type { Library } from '../library/index.ts';
import type { Log } from '../log.ts';
import { pushStream } from '../push-stream.ts';
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
import { createLoadedModel } from './loaded-model.ts';
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
  readonly threads: () => number | null;
  readonly log: Log;
  readonly clock: () => number;
}

export type CompletionRequest = Omit<AnswerRequest, 'model'> & { readonly modelId: string };

interface Embedding {
  readonly index: number;
  readonly vector: readonly number[];
  readonly tokens: number;
}

/** A removed thread can be brought back for this long. */
const REMOVED_KEPT_MS = 30 * 24 * 3600 * 1000;

export type Chat = ReturnType<typeof createChat>;

/** Conversations with models, and the one model that is loaded for them. */
export function createChat({ database, repository, feed, engines, library, threads, log, clock }: ChatOptions) {
  const turns = turnstile();
  const loadedModel = createLoadedModel({ engines, threads });
  const answers = createAnswers({ repository, turnstile: turns, loadedModel, log, clock });
  const changes = listeners<ChatEvent>();
  const leaveFeed = feed.subscribe('thread', (id) => {
    const thread = repository.thread(id);
    changes.emit(thread === undefined ? { type: 'removed', threadId: id } : { type: 'changed', thread });
  });
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

  /** Without being told otherwise, a model without a template continues text, and one with a template chats. */
  const modeFor = (modelId: string | null | undefined, present: Thread['mode']): Thread['mode'] => {
    if (modelId === null || modelId === undefined) return present;
    const { hasChatTemplate } = library.get(modelId).facts;
    return hasChatTemplate === undefined ? present : hasChatTemplate ? 'chat' : 'text';
  };

  const changed = (thread: Thread, { title, modelId, mode, systemPrompt, sampling }: ThreadChange): Thread => ({
    ...thread,
    title: title ?? thread.title,
    modelId: modelId === undefined ? thread.modelId : modelId,
    mode: mode ?? modeFor(modelId === thread.modelId ? undefined : modelId, thread.mode),
    systemPrompt: systemPrompt ?? thread.systemPrompt,
    sampling: sampling ?? thread.sampling,
  });

  const newMessage = (threadId: string, parentId: string | null, role: Message['role'], text: string): Message => {
    const message: Message = { id: newId(), threadId, parentId, role, text, facts: null, error: null, createdMs: clock() };
    repository.addMessage(message);
    return message;
  };

  /** Stream an answer into a new message after `parentId`. `told`: messages that were saved before it. */
  const answer = (
    thread: Thread,
    model: Model,
    parentId: string,
    told: readonly Message[],
    signal: AbortSignal,
  ): AsyncIterable<GenerationEvent> => {
    const message = newMessage(thread.id, parentId, 'assistant', '');
    library.setUsed(model.id);
    const request = { ...thread, model, turns: turnsTo(repository.messages(thread.id), parentId) };
    return answers.stream(message, request, { type: 'started', messages: [...told, message] }, signal);
  };

  const handlers: Handlers = {
    threads: () => repository.threads(),
    thread: ({ threadId }) => ({ thread: threadOf(threadId), messages: repository.messages(threadId) }),
    create: (settings) => {
      if (settings.modelId !== undefined && settings.modelId !== null) library.get(settings.modelId);
      const nowMs = clock();
      const empty: Thread = {
        id: newId(),
        title: '',
        modelId: null,
        mode: 'chat',
        systemPrompt: '',
        sampling: samplingSchema.parse({}),
        createdMs: nowMs,
        updatedMs: nowMs,
      };
      const thread = changed(empty, settings);
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
      const model = await chatModel(thread.modelId);
      // The question and the place of its answer are seen together.
      const stream = database.write(() => {
        const title = thread.title === '' ? titleOf(text) : thread.title;
        repository.setThread({ ...threadOf(threadId), title, updatedMs: clock() });
        const question = newMessage(threadId, parentId, 'user', text);
        return answer(thread, model, question.id, [question], signal);
      });
      yield* stream;
    },
    regenerate: async function* ({ threadId, messageId }, { signal }) {
      const thread = threadOf(threadId);
      const message = messageOf(threadId, messageId);
      const model = await chatModel(thread.modelId);
      const questionId = message.role === 'user' ? message.id : message.parentId;
      if (questionId === null) throw new AppError('chat.unknownMessage', {});
      yield* database.write(() => {
        repository.setThread({ ...threadOf(threadId), updatedMs: clock() });
        return answer(thread, model, questionId, [], signal);
      });
    },
    prompt: async ({ threadId, parentId, text }) => {
      const thread = threadOf(threadId);
      if (parentId !== null) messageOf(threadId, parentId);
      const status = loadedModel.status();
      if (status.state !== 'ready' || status.modelId !== thread.modelId) throw new AppError('engine.noModel', {});
      const said = turnsTo(repository.messages(threadId), parentId);
      const last = said.at(-1);
      // As `turnsTo` will join them when this text has been sent.
      const turns =
        text === ''
          ? said
          : last?.role === 'user'
            ? [...said.slice(0, -1), { role: 'user' as const, text: `${last.text}\n\n${text}` }]
            : [...said, { role: 'user' as const, text }];
      const { inference } = await engines.inference();
      return inference.prompt(engineRequest({ ...thread, turns }));
    },
    removeMessage: async ({ threadId, messageId }) => {
      messageOf(threadId, messageId);
      await answers.stopThread(threadId);
      repository.removeMessage(messageId);
      return {};
    },
    changes: (_, { signal }) =>
      streamOf(changes.add, { signal, key: (event) => (event.type === 'changed' ? event.thread.id : event.threadId) }),
    load: async ({ modelId, contextLength }, { signal }) => {
      const model = await chatModel(modelId);
      const leave = await turns.enter(signal);
      try {
        await loadedModel.load({ model, contextLength: contextLength ?? null, signal });
      } finally {
        leave();
      }
      library.setUsed(modelId);
      return loadedModel.status();
    },
    unload: async (_, { signal }) => {
      // What it is saying would only be said again by loading it anew.
      await answers.stopAll();
      return unload(signal);
    },
    status: (_, { signal }) =>
      streamOf<EngineStatus>(loadedModel.subscribe, { signal, key: () => 'status', first: [loadedModel.status()] }),
    generate: async function* ({ modelId, prompt, mode, systemPrompt, sampling }, { signal }) {
      const model = await chatModel(modelId);
      library.setUsed(modelId);
      const request = { model, mode, systemPrompt, sampling, turns: [{ role: 'user' as const, text: prompt }] };
      yield* generateText(request, signal);
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
      const inference = await loadedModel.load({ model, contextLength: null, signal });
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
    complete: async function* ({ modelId, ...request }: CompletionRequest, signal: AbortSignal): AsyncGenerator<TextEvent> {
      const model = await chatModel(modelId);
      library.setUsed(modelId);
      yield* generateText({ ...request, model }, signal);
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
      loadedModel.close();
    },
  };
}
