import { AppError } from '#core/errors/index.ts';
import { excerpt } from '#core/excerpt.ts';
import { endpointAt, type Contract, type HandlerContext, type Handlers } from './define.ts';
import {
  decode,
  firstProblem,
  MAX_MESSAGE_LENGTH,
  MAX_OPEN_REQUESTS,
  MAX_REPLY_LENGTH,
  PROTOCOL_VERSION,
  STREAM_CREDIT,
  upMessage,
  wireError,
  type DownMessage,
  type Port,
} from './wire.ts';

type AnyHandler = (input: unknown, context: HandlerContext) => unknown;

/** One request that is being answered. */
interface Running {
  readonly abort: AbortController;
  credit: number;
  /** Wakes the producer that waits for credit. */
  wake: (() => void) | undefined;
}

/**
 * Answer a contract's requests on a port. Inputs are validated here; outputs are validated by whoever receives them.
 * Returns a function that closes the port and aborts what is running.
 */
export function serve<C extends Contract>(contract: C, handlers: Handlers<C>, port: Port): () => void {
  const running = new Map<number, Running>();
  let greeted = false;
  let closed = false;

  /** Throws `transport.tooLarge` for a message longer than one may be. */
  const send = (message: DownMessage): void => {
    const text = JSON.stringify(message);
    if (text.length > MAX_REPLY_LENGTH) throw new AppError('transport.tooLarge', { sizeBytes: text.length, limitBytes: MAX_REPLY_LENGTH });
    if (!closed) port.send(text);
  };

  const answer = async (id: number, path: string, input: unknown, state: Running): Promise<void> => {
    const endpoint = endpointAt(contract, path);
    if (endpoint === undefined) throw new AppError('request.unknown', { path: excerpt(path) });
    const parsed = endpoint.input.safeParse(input);
    if (!parsed.success) throw new AppError('request.invalid', { path, problem: firstProblem(parsed.error) });
    const [group, name] = path.split('.') as [string, string];
    const handler = handlers[group]?.[name] as AnyHandler;
    const { signal } = state.abort;
    if (endpoint.kind === 'call') {
      const value = await orCancelled(handler(parsed.data, { signal }), signal);
      return send({ type: 'done', id, value });
    }
    const iterator = (handler(parsed.data, { signal }) as AsyncIterable<unknown>)[Symbol.asyncIterator]();
    try {
      for (;;) {
        while (state.credit === 0) await orCancelled(new Promise<void>((resolve) => (state.wake = resolve)), signal);
        const next = await orCancelled(iterator.next(), signal);
        if (next.done === true) break;
        state.credit -= 1;
        send({ type: 'event', id, value: next.value });
      }
    } finally {
      // Runs the generator's own clean-up, whether the stream ended, failed or was left. Not awaited: a generator that
      // waits for something slow cleans up when it gets there.
      Promise.resolve(iterator.return?.()).catch(() => undefined);
    }
    send({ type: 'done', id, value: null });
  };

  const open = (id: number, path: string, input: unknown): void => {
    // Two requests with one number could not be told apart: whoever asks so is not speaking the protocol.
    if (running.has(id)) return stop();
    if (running.size >= MAX_OPEN_REQUESTS)
      return send({ type: 'failed', id, error: wireError(new AppError('request.tooMany', { limit: MAX_OPEN_REQUESTS })) });
    const state: Running = { abort: new AbortController(), credit: STREAM_CREDIT, wake: undefined };
    running.set(id, state);
    answer(id, path, input, state)
      .catch((error: unknown) => {
        // What a handler throws on its way out of a cancelled request says nothing new.
        const cause = state.abort.signal.aborted ? new AppError('request.cancelled', {}) : error;
        send({ type: 'failed', id, error: wireError(cause) });
      })
      .finally(() => running.delete(id));
  };

  const stop = (): void => {
    if (closed) return;
    closed = true;
    for (const state of running.values()) state.abort.abort();
    port.close();
  };

  const refuse = (theirs: number): void => {
    send({ type: 'refused', error: wireError(new AppError('transport.version', { theirs, ours: PROTOCOL_VERSION })) });
    stop();
  };

  port.onClose(stop);
  port.onMessage((text) => {
    if (closed) return;
    const message = decode(upMessage, text, MAX_MESSAGE_LENGTH);
    // A port that sends what is not in the protocol is broken or hostile: nothing it says later can be trusted.
    if (message === null) return stop();
    if (message.type === 'hello') {
      if (message.protocol !== PROTOCOL_VERSION) return refuse(message.protocol);
      greeted = true;
      return send({ type: 'welcome', protocol: PROTOCOL_VERSION });
    }
    if (!greeted) return refuse(0);
    if (message.type === 'open') return open(message.id, message.path, message.input);
    // Credit or cancel for a request that has just ended is normal.
    const state = running.get(message.id);
    if (state === undefined) return;
    if (message.type === 'cancel') return state.abort.abort();
    state.credit = Math.min(STREAM_CREDIT, state.credit + message.count);
    state.wake?.();
    state.wake = undefined;
  });
  return stop;
}

/**
 * What the work comes to, or `request.cancelled` as soon as the signal aborts, even while the work is still on its way
 * to noticing. Leaves no listener behind: a stream asks once for each of its events.
 */
function orCancelled<T>(work: T | PromiseLike<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const cancel = (): void => reject(new AppError('request.cancelled', {}));
    const settle = (): void => signal.removeEventListener('abort', cancel);
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
    Promise.resolve(work).then(
      (value) => (settle(), resolve(value)),
      (error: unknown) => (settle(), reject(error instanceof Error ? error : new Error(String(error)))),
    );
  });
}
