import { errorText } from '#core/remote/chunk.ts';
import type { RemoteDialect } from '#core/remote/request.ts';
import { AppError } from '#core/errors/index.ts';
import { KiB, MiB } from '#core/bytes.ts';

/** A remote engine, ready to be asked. */
export interface RemoteTarget {
  /** As the user named it. */
  readonly name: string;
  /** The base URL. */
  readonly base: string;
  readonly host: string;
  readonly dialect: RemoteDialect;
  readonly key: string | null;
}

/** How long an engine may keep silent. */
export interface RemoteLimits {
  /** Until the head of its answer: a long prompt is read, or a model loaded, before that. */
  readonly firstByteMs: number;
  /** Between two pieces of an answer. */
  readonly stallMs: number;
  /** For a list of models. */
  readonly listMs: number;
}

export const REMOTE_LIMITS: RemoteLimits = { firstByteMs: 240_000, stallMs: 60_000, listMs: 15_000 };

/** What an engine says of an error; more is not read. */
const MAX_ERROR_BYTES = 64 * KiB;
const MAX_PROBLEM_LENGTH = 300;
/** A list of models. */
const MAX_LIST_BYTES = 4 * MiB;

interface Asking {
  readonly target: RemoteTarget;
  /** Below the base URL. */
  readonly path: string;
  /** What is posted; absent: a GET. */
  readonly body?: object;
  readonly signal: AbortSignal;
  readonly firstByteMs: number;
  readonly stallMs: number;
}

/** The body of an answer with a good status, as text in pieces. */
interface Reply {
  readonly type: string;
  readonly pieces: AsyncIterable<string>;
  /** Ends the connection, and with it the work behind it. */
  close(): void;
}

/**
 * Ask a remote engine. Redirections are not followed: the key and the text go to the address that the user wrote, and nowhere else.
 * Throws `remote.*`; the signal's reason where it aborted.
 */
export async function askRemote(asking: Asking): Promise<Reply> {
  const { target, path, body, signal, firstByteMs, stallMs } = asking;
  const given = new AbortController();
  const follow = (): void => given.abort(signal.reason);
  signal.addEventListener('abort', follow, { once: true });
  if (signal.aborted) follow();
  /** Run a step within a time; what the abort carries is thrown as it is. */
  const within = async <T>(limitMs: number, late: () => AppError, step: () => Promise<T>): Promise<T> => {
    const timer = setTimeout(() => given.abort(late()), limitMs);
    try {
      return await step();
    } catch (error) {
      throw given.signal.aborted ? given.signal.reason : error;
    } finally {
      clearTimeout(timer);
    }
  };
  const late = (): AppError => new AppError('remote.noAnswer', { name: target.name, limitMs: firstByteMs });

  let response: Response;
  try {
    response = await within(firstByteMs, late, () =>
      fetch(`${target.base}${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          Accept: body === undefined ? 'application/json' : 'text/event-stream, application/json',
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...(target.key === null ? {} : { Authorization: `Bearer ${target.key}` }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: 'manual',
        signal: given.signal,
      }),
    );
  } catch (error) {
    signal.removeEventListener('abort', follow);
    if (given.signal.aborted) throw error;
    throw new AppError('remote.unreachable', { name: target.name, problem: causeOf(error) });
  }

  async function* pieces(): AsyncGenerator<string, void> {
    const reader = response.body?.getReader();
    const decoder = new TextDecoder();
    const stalled = (): AppError => new AppError('remote.stalled', { name: target.name, limitMs: stallMs });
    try {
      while (reader !== undefined) {
        const { done, value } = await within(stallMs, stalled, () => reader.read());
        if (done) return;
        yield decoder.decode(value, { stream: true });
      }
    } catch (error) {
      if (given.signal.aborted) throw given.signal.reason;
      throw new AppError('remote.cutOff', { name: target.name }, causeOf(error));
    }
  }
  const close = (): void => {
    signal.removeEventListener('abort', follow);
    given.abort();
  };

  if (response.ok) return { type: response.headers.get('content-type') ?? '', pieces: pieces(), close };
  if (response.status >= 300 && response.status < 400) {
    close();
    throw new AppError('remote.redirected', { name: target.name, target: originOf(response.headers.get('location'), target.base) });
  }
  const said = await textOf(pieces(), MAX_ERROR_BYTES)
    .catch(() => '')
    .finally(close);
  const problem = problemOf(said ?? '', target.key) || response.statusText || '?';
  if (response.status === 401 || response.status === 403) throw new AppError('remote.unauthorized', { name: target.name, problem });
  throw new AppError('remote.refused', { name: target.name, status: response.status, problem });
}

/** Ask for a JSON document, whole. Throws as `askRemote`, and `remote.tooMuch`. */
export async function getRemote(target: RemoteTarget, path: string, signal: AbortSignal, limits: RemoteLimits): Promise<string> {
  const { pieces, close } = await askRemote({ target, path, signal, firstByteMs: limits.listMs, stallMs: limits.listMs });
  const text = await textOf(pieces, MAX_LIST_BYTES).finally(close);
  if (text === null) throw new AppError('remote.tooMuch', { name: target.name, limitBytes: MAX_LIST_BYTES });
  return text;
}

/** Pieces as one text; null where they are longer than a limit, and then no more is read. */
async function textOf(pieces: AsyncIterable<string>, limit: number): Promise<string | null> {
  let text = '';
  for await (const piece of pieces) {
    text += piece;
    if (text.length > limit) return null;
  }
  return text;
}

/** What an engine says of an error as one short line. Engines repeat a wrong key: it is taken out. */
export function problemOf(said: string, key: string | null): string {
  let message = '';
  try {
    message = errorText(JSON.parse(said));
  } catch {
    // A page of a proxy says nothing that could be shown.
    message = said.trimStart().startsWith('<') ? '' : said;
  }
  const line = message.replaceAll(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069\s]+/gu, ' ').trim();
  return (key === null ? line : line.replaceAll(key, '…')).slice(0, MAX_PROBLEM_LENGTH).toWellFormed().replace(/\.$/, '');
}

/** What lies behind `fetch failed`. */
function causeOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return cause.errors[0].message;
  if (cause instanceof Error) return cause.message || ('code' in cause ? String(cause.code) : cause.name);
  return error instanceof Error ? error.message : String(error);
}

function originOf(location: string | null, base: string): string {
  try {
    const { origin } = new URL(location ?? '', base);
    return origin === 'null' ? '?' : origin;
  } catch {
    return '?';
  }
}
