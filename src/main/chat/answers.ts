import { toolReader } from '#core/chat/tool-calls.ts';
import { toErrorData } from '#core/errors/index.ts';
import type { Message, TokenChoice } from '#contract/chat.ts';
import type { ChatRepository } from '../db/chats.ts';
import { newId } from '../ids.ts';
import type { Log } from '../log.ts';
import { pushStream } from '../push-stream.ts';
import { joined, type Asked, type GenerationEvent, type Made, type MakeContext } from './generation.ts';

/** After a crash of the whole program at most this much of an answer is missing. */
const SAVE_EVERY_MS = 1000;

/** Tokens of an answer whose alternatives are kept: with twenty for each some megabytes. */
const MOST_TOKENS = 32_768;

interface AnswersOptions<R extends Asked> {
  readonly repository: ChatRepository;
  /** Makes an answer, here or elsewhere. */
  readonly answer: (request: R, context: MakeContext) => Promise<Made>;
  readonly log: Log;
  readonly clock: () => number;
}

interface Running<R> {
  readonly threadId: string;
  readonly request: R;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

/** A reader who is slow gets more text at a time, and only the newest of what is a state. */
function mergeEvents(waiting: GenerationEvent, next: GenerationEvent): GenerationEvent | undefined {
  if (waiting.type !== next.type) return undefined;
  if (waiting.type === 'text' && next.type === 'text') return joined(waiting, next);
  return next;
}

/** The answers that are being made. Each goes on and is saved whoever listens. */
export function createAnswers<R extends Asked>({ repository, answer, log, clock }: AnswersOptions<R>) {
  const running = new Map<string, Running<R>>();

  /** Make the answer into a message that is there, empty or begun. The last thing told is `finished`. */
  const make = async (message: Message, request: R, stop: AbortSignal, tell: (event: GenerationEvent) => void): Promise<void> => {
    let { text } = message;
    let savedMs = clock();
    const reader = toolReader(request.tools ?? []);
    // Of an answer that goes on, those of its beginning stay.
    const tokens: TokenChoice[] = message.facts?.hasTokens === true ? (repository.tokens(message.id) ?? []) : [];
    const end = (rest: Pick<Message, 'facts' | 'error'>, calls: Made['calls'] = []): void => {
      const held = reader.end();
      text += held.text;
      const toolCalls = [...calls, ...held.calls].map((call) => ({ id: newId(), ...call }));
      const facts = rest.facts === null || tokens.length === 0 ? rest.facts : { ...rest.facts, hasTokens: true };
      const ended = { ...message, text, ...(toolCalls.length === 0 ? {} : { toolCalls }), facts, error: rest.error };
      repository.endMessage(ended);
      if (facts?.hasTokens === true) repository.setTokens(message.id, tokens);
      tell({ type: 'finished', message: ended });
    };
    try {
      const { facts, calls } = await answer(request, {
        stop,
        tell: (event) => {
          if (event.type === 'text') {
            if (event.tokens !== undefined && tokens.length < MOST_TOKENS) tokens.push(...event.tokens);
            const shown = (request.tools ?? []).length === 0 ? event.text : reader.push(event.text);
            text += shown;
            if (clock() - savedMs >= SAVE_EVERY_MS) {
              savedMs = clock();
              repository.setText(message.id, text);
            }
            if (shown !== '' || event.tokens !== undefined) tell({ ...event, text: shown });
          } else tell(event);
        },
      });
      end({ facts, error: null }, calls);
    } catch (error) {
      log.write('warn', 'chat', `an answer failed: ${toErrorData(error).code}`);
      end({ facts: null, error: toErrorData(error) });
    }
  };

  const stop = (filter: (answer: Running<R>) => boolean): Promise<void>[] =>
    [...running.values()].filter(filter).map(({ stop: abort, ended }) => (abort.abort(), ended));

  return {
    /**
     * Begin an answer, and stream it. Leaving the stream, or the signal, stops the answer; what came is saved in any case.
     * @param first what is told before everything else
     */
    stream: async function* (message: Message, request: R, first: GenerationEvent, signal: AbortSignal): AsyncGenerator<GenerationEvent> {
      const abort = new AbortController();
      const leave = (): void => abort.abort();
      signal.addEventListener('abort', leave, { once: true });
      if (signal.aborted) leave();
      const events = pushStream<GenerationEvent>(mergeEvents);
      events.push(first);
      const ended = make(message, request, abort.signal, events.push)
        .catch((error: unknown) => log.write('error', 'chat', `an answer could not be saved: ${String(error)}`))
        .finally(() => {
          running.delete(message.id);
          events.end();
        });
      running.set(message.id, { threadId: message.threadId, request, stop: abort, ended });
      try {
        yield* events.values();
      } finally {
        leave();
        signal.removeEventListener('abort', leave);
      }
    },
    /** Stop the answers of a thread; resolves when they are saved. */
    stopThread: async (threadId: string): Promise<void> => void (await Promise.all(stop((answer) => answer.threadId === threadId))),
    isBusy: (): boolean => running.size > 0,
    /** Stop what is asked in such a way, or everything; resolves when all of it is saved. */
    stopAll: async (isMeant: (request: R) => boolean = () => true): Promise<void> =>
      void (await Promise.all(stop(({ request }) => isMeant(request)))),
  };
}
