import { AppError } from '#core/errors/index.ts';
import type { Client, Contract, Endpoint, RequestOptions } from './define.ts';
import {
  decode,
  downMessage,
  firstProblem,
  MAX_MESSAGE_LENGTH,
  MAX_REPLY_LENGTH,
  PROTOCOL_VERSION,
  STREAM_CREDIT,
  type Port,
  type UpMessage,
} from './wire.ts';

/** What one open request does with what arrives for it. */
interface Pending {
  event(value: unknown): void;
  done(value: unknown): void;
  failed(error: AppError): void;
}

export interface ConnectOptions {
  /** The error that open requests end with when the port closes: an engine's port says how the engine died. */
  readonly closedError?: () => AppError;
}

export interface Connection<C extends Contract> {
  readonly client: Client<C>;
  /** Resolves at the answering side's `welcome`; rejects when it refuses or the port closes first. */
  readonly ready: Promise<void>;
  /** Resolves when the port has closed, whoever closed it. */
  readonly closed: Promise<void>;
  isClosed(): boolean;
  /** Requests that have not ended yet. */
  openRequests(): number;
  /** Open requests end with `reason`, or `transport.closed`. */
  close(reason?: AppError): void;
}

/** Ask a contract's questions over a port. Answers are validated here, at the side that relies on them. */
export function connect<C extends Contract>(contract: C, port: Port, options: ConnectOptions = {}): Connection<C> {
  const pending = new Map<number, Pending>();
  const welcome = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  // Nobody has to wait for `ready`: a refusal reaches every request as well.
  welcome.promise.catch(() => undefined);
  let nextId = 0;
  let ended: AppError | undefined;

  const send = (message: UpMessage): void => {
    const text = JSON.stringify(message);
    if (text.length > MAX_MESSAGE_LENGTH)
      throw new AppError('transport.tooLarge', { sizeBytes: text.length, limitBytes: MAX_MESSAGE_LENGTH });
    if (ended === undefined) port.send(text);
  };

  const end = (error: AppError): void => {
    if (ended !== undefined) return;
    ended = error;
    welcome.reject(error);
    const open = [...pending.values()];
    pending.clear();
    for (const request of open) request.failed(error);
    port.close();
    gone.resolve();
  };

  port.onClose(() => end(options.closedError?.() ?? new AppError('transport.closed', {})));
  port.onMessage((text) => {
    if (ended !== undefined) return;
    const message = decode(downMessage, text, MAX_REPLY_LENGTH);
    if (message === null) return end(new AppError('reply.invalid', { path: 'wire', problem: 'not a message of the protocol' }));
    if (message.type === 'welcome') return welcome.resolve();
    if (message.type === 'refused') return end(AppError.from(message.error));
    const request = pending.get(message.id);
    if (request === undefined) return;
    if (message.type === 'event') return request.event(message.value);
    pending.delete(message.id);
    if (message.type === 'done') request.done(message.value);
    else request.failed(AppError.from(message.error));
  });
  send({ type: 'hello', protocol: PROTOCOL_VERSION });

  /** Send one request; returns its number. `signal` sends the cancel, the ending still comes from the other side. */
  const open = (path: string, input: unknown, handlers: Pending, signal: AbortSignal | undefined): number => {
    if (ended !== undefined) throw ended;
    if (signal?.aborted === true) throw new AppError('request.cancelled', {});
    const id = nextId++;
    try {
      send({ type: 'open', id, path, input });
    } catch (error) {
      if (error instanceof AppError) throw error;
      // A cycle or a bigint: JSON cannot carry it, so no schema of the contract asked for it.
      throw new AppError('request.invalid', { path, problem: error instanceof Error ? error.message : String(error) });
    }
    const cancel = (): void => send({ type: 'cancel', id });
    const settle = (): void => signal?.removeEventListener('abort', cancel);
    signal?.addEventListener('abort', cancel, { once: true });
    pending.set(id, {
      event: handlers.event,
      done: (value) => (settle(), handlers.done(value)),
      failed: (error) => (settle(), handlers.failed(error)),
    });
    return id;
  };

  const validate = (path: string, schema: Endpoint['input'], value: unknown): unknown => {
    const parsed = schema.safeParse(value);
    if (!parsed.success) throw new AppError('reply.invalid', { path, problem: firstProblem(parsed.error) });
    return parsed.data;
  };

  const callEndpoint = async (
    path: string,
    output: Endpoint['input'],
    input: unknown,
    signal: AbortSignal | undefined,
  ): Promise<unknown> => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    open(path, input, { event: () => undefined, done: resolve, failed: reject }, signal);
    return validate(path, output, await promise);
  };

  const streamEndpoint = (
    path: string,
    event: Endpoint['input'],
    input: unknown,
    signal: AbortSignal | undefined,
  ): AsyncIterableIterator<unknown> => {
    const queue: unknown[] = [];
    let id: number | undefined;
    let ending: { readonly error: AppError | undefined } | undefined;
    let left = false;
    let wake: (() => void) | undefined;
    const note = (): void => (wake?.(), (wake = undefined));

    const leave = (): void => {
      if (left) return;
      left = true;
      queue.length = 0;
      if (id !== undefined && ending === undefined) send({ type: 'cancel', id });
      note();
    };

    async function* events(): AsyncGenerator<unknown> {
      id = open(
        path,
        input,
        {
          event: (value) => {
            if (!left) queue.push(value);
            note();
          },
          done: () => ((ending = { error: undefined }), note()),
          failed: (error) => ((ending = { error }), note()),
        },
        signal,
      );
      let consumed = 0;
      try {
        for (;;) {
          while (queue.length === 0 && ending === undefined && !left) await new Promise<void>((resolve) => (wake = resolve));
          if (queue.length === 0) break;
          yield validate(path, event, queue.shift());
          consumed += 1;
          // Half the window at a time: few messages, and the producer never runs dry while the reader keeps up.
          if (consumed >= STREAM_CREDIT / 2 && ending === undefined && !left) {
            send({ type: 'credit', id, count: consumed });
            consumed = 0;
          }
        }
        if (ending?.error !== undefined && !left) throw ending.error;
      } finally {
        leave();
      }
    }

    const iterator = events();
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: () => iterator.next(),
      // A generator alone would keep whoever leaves waiting for the event that its pending `next` waits for.
      return: () => (leave(), iterator.return(undefined)),
    };
  };

  const request = (path: string, endpoint: Endpoint) =>
    endpoint.kind === 'call'
      ? (input: unknown, { signal }: RequestOptions = {}) => callEndpoint(path, endpoint.output, input, signal)
      : (input: unknown, { signal }: RequestOptions = {}) => streamEndpoint(path, endpoint.event, input, signal);

  const client = Object.fromEntries(
    Object.entries(contract).map(([group, endpoints]) => [
      group,
      Object.fromEntries(Object.entries(endpoints).map(([name, endpoint]) => [name, request(`${group}.${name}`, endpoint)])),
    ]),
  ) as Client<C>;

  const close = (reason = new AppError('transport.closed', {})): void => end(reason);
  return {
    client,
    ready: welcome.promise,
    closed: gone.promise,
    isClosed: () => ended !== undefined,
    openRequests: () => pending.size,
    close,
  };
}
