import { create } from 'zustand';
import type { Message, MixedAdapter } from '#contract/chat.ts';
import type { RemoteChoice } from '#contract/remote.ts';
import type { AppError, AppErrorData } from '#core/errors/index.ts';
import type { Event, Input } from '../../api.ts';
import { upsert } from '../../live.ts';
import { choose } from './drafts.ts';
import { parentKey } from './message-tree.ts';
import { apiInUse, asAppError, keyOf, patch, queryClient } from '../../queries.ts';

type Stage = Extract<Event<'chat.send'>, { type: 'loading' }>['stage'];

/** Where an answer that is being made is. */
export type Phase =
  | { readonly kind: 'starting' }
  | { readonly kind: 'loading'; readonly stage: Stage; readonly fraction: number | null }
  | { readonly kind: 'summary'; readonly turns: number }
  | { readonly kind: 'prompt'; readonly doneTokens: number; readonly totalTokens: number }
  | { readonly kind: 'text' }
  /** Left by the user; what came is being saved. */
  | { readonly kind: 'stopping' };

/** What to do again when it failed. */
export type Request =
  | { readonly kind: 'send'; readonly parentId: string | null; readonly text: string }
  /** `seed` and the others: in the place of the thread's, so that several answers differ. */
  | {
      readonly kind: 'regenerate';
      readonly messageId: string;
      readonly seed?: number;
      readonly modelId?: string;
      readonly remote?: RemoteChoice;
      readonly adapters?: MixedAdapter[];
    }
  | { readonly kind: 'resume'; readonly messageId: string }
  | { readonly kind: 'tools'; readonly messageId: string; readonly results: Input<'chat.callTools'>['results'] };

export interface Generation {
  readonly request: Request;
  readonly phase: Phase;
  /** The saved, still empty answer that the text belongs to. */
  readonly answerId: string | null;
  stop(): void;
}

interface Generations {
  readonly running: Readonly<Record<string, Generation>>;
  /** Requests that failed without an answer to keep the error in, by thread. */
  readonly failures: Readonly<Record<string, { readonly error: AppErrorData; readonly request: Request }>>;
}

/** Answers go on while the user looks at other threads and screens. */
/**
 * What answers that are being made have so far, by thread. Apart from what they are, which changes a few times while the text
 * grows many times a second: only what shows the text is rendered then.
 */
export const useAnswerTexts = create<Readonly<Record<string, string>>>(() => ({}));

export const useGenerations = create<Generations>(() => ({ running: {}, failures: {} }));

/** After a stop, how long to wait for the program to have saved what came, and how often to look. */
const SAVE_CHECKS = 12;
const SAVE_CHECK_MS = 150;

const without = <T>(record: Readonly<Record<string, T>>, key: string): Record<string, T> =>
  Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));

const change = (threadId: string, edit: (old: Generation) => Generation): void =>
  useGenerations.setState(({ running }) => {
    const old = running[threadId];
    return old === undefined ? {} : { running: { ...running, [threadId]: edit(old) } };
  });

const saveMessages = (threadId: string, messages: readonly Message[]): void =>
  patch('chat.thread', { threadId }, (known) => ({
    ...known,
    // Newest last, as the program lists them.
    messages: messages.reduce<Message[]>(
      (list, message) => (list.some(({ id }) => id === message.id) ? upsert(list, message) : [...list, message]),
      known.messages,
    ),
  }));

export const dismissFailure = (threadId: string): void =>
  useGenerations.setState(({ failures }) => ({ failures: without(failures, threadId) }));

/** Ask for an answer, and keep it up to date in the store until it is saved. Resolves to the answer, where it came to its end. */
export async function generate(threadId: string, request: Request): Promise<Message | null> {
  if (useGenerations.getState().running[threadId] !== undefined) return null;
  let ended: Message | null = null;
  const leaving = new AbortController();
  const stop = (): void => {
    change(threadId, (old) => ({ ...old, phase: { kind: 'stopping' } }));
    leaving.abort();
  };
  useGenerations.setState(({ running, failures }) => ({
    running: { ...running, [threadId]: { request, phase: { kind: 'starting' }, answerId: null, stop } },
    failures: without(failures, threadId),
  }));

  useAnswerTexts.setState({ [threadId]: '' });
  const text = collectText((more) => {
    useAnswerTexts.setState((texts) => ({ [threadId]: (texts[threadId] ?? '') + more }));
    change(threadId, (old) => (old.phase.kind === 'stopping' || old.phase.kind === 'text' ? old : { ...old, phase: { kind: 'text' } }));
  });
  try {
    for await (const event of ask(threadId, request, leaving.signal)) {
      if (event.type === 'text') {
        text.add(event.text);
      } else if (event.type === 'started') {
        saveMessages(threadId, event.messages);
        const answer = event.messages.findLast(({ role }) => role === 'assistant');
        // What is being made is what one wants to see, whichever sibling was in view.
        for (const { id, parentId } of event.messages) choose(threadId, parentKey(parentId), id);
        useAnswerTexts.setState({ [threadId]: answer?.text ?? '' });
        change(threadId, (old) => ({ ...old, answerId: answer?.id ?? null }));
      } else if (event.type === 'finished') {
        saveMessages(threadId, [event.message]);
        // An answer that went on has more of them.
        queryClient.removeQueries({ queryKey: keyOf('chat.tokens', { threadId, messageId: event.message.id }) });
        ended = event.message;
      } else
        change(threadId, (old) => ({
          ...old,
          phase:
            event.type === 'loading'
              ? { kind: 'loading', stage: event.stage, fraction: event.fraction }
              : event.type === 'summary'
                ? { kind: 'summary', turns: event.turns }
                : { kind: 'prompt', doneTokens: event.doneTokens, totalTokens: event.totalTokens },
        }));
    }
  } catch (error) {
    text.flush();
    await settle(threadId, request, asAppError(error), leaving.signal.aborted);
  }
  text.flush();
  useGenerations.setState(({ running }) => ({ running: without(running, threadId) }));
  useAnswerTexts.setState((texts) => without(texts, threadId), true);
  return ended;
}

function ask(threadId: string, request: Request, signal: AbortSignal): AsyncIterable<Event<'chat.send'>> {
  const api = apiInUse();
  switch (request.kind) {
    case 'send':
      return api.stream('chat.send', { threadId, parentId: request.parentId, text: request.text }, signal);
    case 'regenerate': {
      const { kind: _, ...wanted } = request;
      return api.stream('chat.regenerate', { threadId, ...wanted }, signal);
    }
    case 'resume':
      return api.stream('chat.resume', { threadId, messageId: request.messageId }, signal);
    case 'tools':
      return api.stream('chat.callTools', { threadId, messageId: request.messageId, results: [...request.results] }, signal);
  }
}

/** The stream broke off: learn what the program has saved, and keep the error where no saved answer holds it. */
async function settle(threadId: string, request: Request, error: AppError, stopped: boolean): Promise<void> {
  const { answerId } = useGenerations.getState().running[threadId] ?? { answerId: null };
  const answer = await savedAnswer(threadId, answerId);
  if (stopped || answer?.error != null) return;
  useGenerations.setState(({ failures }) => ({
    failures: { ...failures, [threadId]: { error, request: answerId === null ? request : { kind: 'regenerate', messageId: answerId } } },
  }));
}

/** The answer as it was saved; asked for again while the program is still saving it. */
async function savedAnswer(threadId: string, answerId: string | null): Promise<Message | undefined> {
  if (answerId === null) return undefined;
  for (let check = 0; check < SAVE_CHECKS; check += 1) {
    const answer = await apiInUse()
      .call('chat.thread', { threadId })
      .then(
        (known) => {
          queryClient.setQueryData(keyOf('chat.thread', { threadId }), known);
          return known.messages.find(({ id }) => id === answerId);
        },
        () => undefined,
      );
    if (answer !== undefined && (answer.facts !== null || answer.error !== null)) return answer;
    await new Promise((resolve) => setTimeout(resolve, SAVE_CHECK_MS));
  }
  return undefined;
}

/** Hands text on at most once for each frame, so that a fast model does not render a hundred times a second. */
function collectText(hand: (text: string) => void): { add(text: string): void; flush(): void } {
  let waiting = '';
  let frame = 0;
  const flush = (): void => {
    cancelAnimationFrame(frame);
    frame = 0;
    if (waiting === '') return;
    const text = waiting;
    waiting = '';
    hand(text);
  };
  return {
    add: (text) => {
      waiting += text;
      // A page in the background gets no frames; it catches up at the end.
      if (frame === 0) frame = requestAnimationFrame(flush);
    },
    flush,
  };
}
