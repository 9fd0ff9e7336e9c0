import { AppError, toErrorData } from '#core/errors/index.ts';
import { endpointAt, type Contract, type HandlerContext, type Handlers } from './define.ts';
import {
  decode,
  firstProblem,
  MAX_MESSAGE_LENGTH,
  MAX_OPEN_REQUESTS,
  PROTOCOL_VERSION,
  STREAM_CREDIT,
  upMessage,
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

  const send = (message: DownMessage): void => {
    if (!closed) port.send(JSON.stringify(message));
  };

  /** Send an answer, or its failure when it is longer than a message may be. */
  const reply = (message: DownMessage & { readonly id: number }): void => {
    const text = JSON.stringify(message);
    if (text.length <= MAX_MESSAGE_LENGTH) {
      if (!closed) port.send(text);
      return;
    }
    throw new AppError('transport.tooLarge', { sizeBytes: text.length, limitBytes: MAX_MESSAGE_LENGTH });
  };

  const answer = async (id: number, path: string, input: unknown, state: Running): Promise<void> => {
    const endpoint = endpointAt(contract, path);
    if (endpoint === undefined) throw new AppError('request.unknown', { path });
    const parsed = endpoint.input.safeParse(input);
    if (!parsed.success) throw new AppError('request.invalid', { path, problem: firstProblem(parsed.error) });
    const [group, name] = path.split('.') as [string, string];
    const handler = handlers[group]?.[name] as AnyHandler;
    const { signal } = state.abort;
    // A cancelled request ends at once, even while its handler is still on the way to noticing.
    const cancelled = new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(new AppError('request.cancelled', {})), { once: true }),
    );
    cancelled.catch(() => undefined);
    if (endpoint.kind === 'call') {
      const value = await Promise.race([handler(parsed.data, { signal }), cancelled]);
      reply({ type: 'done', id, value });
      return;
    }
    const iterator = (handler(parsed.data, { signal }) as AsyncIterable<unknown>)[Symbol.asyncIterator]();
    try {
      for (;;) {
        while (state.credit === 0) await Promise.race([new Promise<void>((resolve) => (state.wake = resolve)), cancelled]);
        const next = await Promise.race([iterator.next(), cancelled]);
        if (next.done === true) break;
        state.credit -= 1;
        reply({ type: 'event', id, value: next.value });
      }
    } finally {
      // Runs the generator's own clean-up, whether the stream ended, failed or was left. Not awaited: a generator that
      // waits for something slow cleans up when it gets there.
      Promise.resolve(iterator.return?.()).catch(() => undefined);
    }
    reply({ type: 'done', id, value: null });
  };

  const open = (id: number, path: string, input: unknown): void => {
    if (running.has(id) || running.size >= MAX_OPEN_REQUESTS) {
      send({
        type: 'failed',
        id,
        error: toErrorData(new AppError('request.invalid', { path, problem: 'too many requests, or a number in use' })),
      });
      return;
    }
    const state: Running = { abort: new AbortController(), credit: STREAM_CREDIT, wake: undefined };
    running.set(id, state);
    answer(id, path, input, state)
      .catch((error: unknown) => {
        const data = state.abort.signal.aborted ? toErrorData(new AppError('request.cancelled', {})) : toErrorData(error);
        send({ type: 'failed', id, error: data });
      })
      .finally(() => running.delete(id));
  };

  const cancel = (state: Running): void => state.abort.abort();

  const stop = (): void => {
    if (closed) return;
    closed = true;
    for (const state of running.values()) cancel(state);
    port.close();
  };

  const refuse = (theirs: number): void => {
    send({ type: 'refused', error: toErrorData(new AppError('transport.version', { theirs, ours: PROTOCOL_VERSION })) });
    stop();
  };

  port.onClose(stop);
  port.onMessage((text) => {
    const message = decode(upMessage, text);
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
    if (message.type === 'cancel') return cancel(state);
    state.credit = Math.min(STREAM_CREDIT, state.credit + message.count);
    state.wake?.();
    state.wake = undefined;
  });
  return stop;
}
