import { callCollector, readChunk, readModels, type RemoteUsage } from '#core/remote/chunk.ts';
import { eventReader, EventTooLong, MAX_EVENT_LENGTH } from '#core/remote/events.ts';
import { remoteRequest, takesGrammar, type RemoteQuestion } from '#core/remote/request.ts';
import { MiB } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';
import { askRemote, getRemote, problemOf, REMOTE_LIMITS, type RemoteLimits, type RemoteTarget } from './http.ts';

/** Far over a million tokens. In UTF-16 units. */
const MAX_ANSWER_LENGTH = 16 * MiB;

export interface RemoteEnd {
  readonly type: 'finished';
  /** As the engine names it: `stop`, `length`, `tool_calls` and others. */
  readonly finish: string | null;
  /** Null where the engine does not tell. */
  readonly usage: RemoteUsage | null;
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
  /** Events that held words. */
  readonly pieces: number;
  /** From the question to the first word; null where none came. */
  readonly firstMs: number | null;
  /** From the first word to the last. */
  readonly writingMs: number;
  readonly totalMs: number;
}

export type RemoteEvent = { readonly type: 'text'; readonly text: string } | RemoteEnd;

export interface RemoteOptions {
  readonly signal: AbortSignal;
  readonly limits?: RemoteLimits;
  /** A clock that only goes forward, in milliseconds. */
  readonly now?: () => number;
}

/**
 * Stream one answer of a remote engine, with its times. Reasoning that an engine tells apart stands in `<think>` before the answer, as models
 * write it themselves. Leaving the loop closes the connection. Throws `remote.*`; the signal's reason where it aborted.
 */
export async function* streamCompletion(
  target: RemoteTarget,
  question: RemoteQuestion,
  { signal, limits = REMOTE_LIMITS, now = () => performance.now() }: RemoteOptions,
): AsyncGenerator<RemoteEvent, void> {
  const { name } = target;
  if (question.sampling.format?.type === 'grammar' && !takesGrammar(target.dialect)) throw new AppError('remote.noGrammar', { name });
  const { path, body } = remoteRequest(question, target.dialect);
  const startedMs = now();
  const { type, pieces: received, close } = await askRemote({ target, path, body, signal, ...limits });
  const garbage = (problem: string): AppError => new AppError('remote.garbage', { name, problem });
  const events = eventReader();
  const collected = callCollector();
  let finish: string | null = null;
  let usage: RemoteUsage | null = null;
  let firstMs: number | null = null;
  let lastMs = 0;
  let pieces = 0;
  let length = 0;
  let isThinking = false;
  let isDone = false;
  try {
    if (!/^text\/event-stream\b/i.test(type.trim())) throw garbage(`its type is "${type.slice(0, 100)}" and not text/event-stream`);
    reading: for await (const piece of received) {
      for (const data of events.push(piece)) {
        if (data.trim() === '[DONE]') {
          isDone = true;
          break reading;
        }
        const chunk = readChunk(data);
        if (chunk === null) throw garbage(`an event is no part of an answer: ${problemOf(data, target.key).slice(0, 80)}`);
        if (chunk.error !== null)
          throw new AppError('remote.refused', { name, status: 200, problem: problemOf(chunk.error, target.key) || '?' });
        let text = '';
        if (chunk.reasoning !== '') {
          text += `${isThinking ? '' : '<think>'}${chunk.reasoning}`;
          isThinking = true;
        }
        if (chunk.text !== '') {
          text += `${isThinking ? '</think>\n\n' : ''}${chunk.text}`;
          isThinking = false;
        }
        collected.push(chunk.calls);
        finish = chunk.finish ?? finish;
        usage = chunk.usage ?? usage;
        if (text === '' && chunk.calls.length === 0) continue;
        lastMs = now() - startedMs;
        firstMs ??= lastMs;
        pieces += 1;
        length += text.length;
        if (length > MAX_ANSWER_LENGTH) throw new AppError('remote.tooMuch', { name, limitBytes: MAX_ANSWER_LENGTH });
        if (text !== '') yield { type: 'text', text };
      }
    }
  } catch (error) {
    if (error instanceof EventTooLong) throw new AppError('remote.tooMuch', { name, limitBytes: MAX_EVENT_LENGTH });
    throw error;
  } finally {
    close();
  }
  // Some engines end without saying so; one that has not even said why the answer ended was cut off.
  if (!isDone && finish === null) throw new AppError('remote.cutOff', { name });
  const writingMs = lastMs - (firstMs ?? lastMs);
  yield { type: 'finished', finish, usage, calls: collected.calls(), pieces, firstMs, writingMs, totalMs: now() - startedMs };
}

/** The models of an engine, in its order, and how long it took to say so. Throws `remote.*`. */
export async function listRemoteModels(
  target: RemoteTarget,
  { signal, limits = REMOTE_LIMITS, now = () => performance.now() }: RemoteOptions,
): Promise<{ models: string[]; durationMs: number }> {
  const startedMs = now();
  const models = readModels(await getRemote(target, '/models', signal, limits));
  if (models === undefined) throw new AppError('remote.garbage', { name: target.name, problem: 'it does not list models' });
  return { models, durationMs: now() - startedMs };
}
