import { AppError } from '#core/errors/index.ts';
import { connect, type Connection } from '#contract/connect.ts';
import type { CallEndpoint, StreamEndpoint } from '#contract/define.ts';
import { contract, type AppContract } from '#contract/index.ts';
import type { Port } from '#contract/wire.ts';
import type { z } from 'zod';

type Endpoints = { [G in keyof AppContract]: { [N in keyof AppContract[G] as N extends string ? `${G}.${N}` : never]: AppContract[G][N] } };
type ByPath = Flatten<Endpoints[keyof Endpoints]>;
type Flatten<U> = (U extends unknown ? (value: U) => void : never) extends (value: infer I) => void ? I : never;

/** Paths of the contract that have one answer: `library.list`. */
export type CallPath = { [P in keyof ByPath]: ByPath[P] extends CallEndpoint ? P : never }[keyof ByPath];
/** Paths of the contract that have answers over time: `library.changes`. */
export type StreamPath = { [P in keyof ByPath]: ByPath[P] extends StreamEndpoint ? P : never }[keyof ByPath];
export type Input<P extends CallPath | StreamPath> = ByPath[P] extends { input: z.ZodType } ? z.input<ByPath[P]['input']> : never;
export type Output<P extends CallPath> = ByPath[P] extends CallEndpoint ? z.output<ByPath[P]['output']> : never;
export type Event<P extends StreamPath> = ByPath[P] extends StreamEndpoint ? z.output<ByPath[P]['event']> : never;

/** How things stand with the program behind the page. */
export type Link =
  | { readonly state: 'connecting' }
  | { readonly state: 'open' }
  /** Was open, and is being opened again. */
  | { readonly state: 'lost' }
  /** The program does not let this page in, or speaks another protocol: trying again does not help. */
  | { readonly state: 'refused'; readonly error: AppError | null };

/** Thrown by an opener when the program is there but does not know this page. */
export class NotAdmitted extends Error {}

/** Pauses between attempts to connect again. The last one repeats. */
const RETRY_PAUSES_MS = [250, 500, 1000, 2000, 4000];

type Group = Record<string, (input: unknown, options: { signal?: AbortSignal | undefined }) => unknown>;

export interface Api {
  /** One answer. While the connection is lost, the question waits for it. */
  call<P extends CallPath>(path: P, input: Input<P>, signal?: AbortSignal): Promise<Output<P>>;
  /** Answers over time; leaving the loop ends the work behind them. Ends with `transport.closed` when the connection goes. */
  stream<P extends StreamPath>(path: P, input: Input<P>, signal?: AbortSignal): AsyncIterable<Event<P>>;
  link(): Link;
  onLink(listener: () => void): () => void;
}

/** The contract's client over whatever `openPort` opens, opened again whenever it closes. */
export function createApi(openPort: () => Promise<Port>, pausesMs: readonly number[] = RETRY_PAUSES_MS): Api {
  const listeners = new Set<() => void>();
  let link: Link = { state: 'connecting' };
  let current = Promise.withResolvers<Connection<AppContract>>();
  current.promise.catch(() => undefined);

  const setLink = (next: Link): void => {
    link = next;
    for (const listener of listeners) listener();
  };

  const open = async (): Promise<void> => {
    const connection = connect(contract, await openPort());
    await connection.ready;
    current.resolve(connection);
    setLink({ state: 'open' });
    await connection.closed;
    current = Promise.withResolvers();
    current.promise.catch(() => undefined);
    setLink({ state: 'lost' });
  };

  const keepOpen = async (): Promise<void> => {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await open();
        attempt = -1;
      } catch (error) {
        const isRefusal = error instanceof NotAdmitted || (error instanceof AppError && error.code === 'transport.version');
        if (isRefusal) {
          const cause = error instanceof AppError ? error : new AppError('transport.closed', {});
          current.reject(cause);
          return setLink({ state: 'refused', error: error instanceof AppError ? error : null });
        }
      }
      await new Promise((resolve) => setTimeout(resolve, pausesMs[Math.max(0, Math.min(attempt, pausesMs.length - 1))]));
    }
  };
  void keepOpen();

  const connection = (signal?: AbortSignal): Promise<Connection<AppContract>> => {
    if (signal === undefined) return current.promise;
    const left = Promise.withResolvers<never>();
    const leave = (): void => left.reject(new AppError('request.cancelled', {}));
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    return Promise.race([current.promise, left.promise]).finally(() => signal.removeEventListener('abort', leave));
  };

  const endpoint = (open: Connection<AppContract>, path: string): Group[string] => {
    const [group, name] = path.split('.') as [string, string];
    const found = (open.client as unknown as Record<string, Group>)[group]?.[name];
    if (found === undefined) throw new AppError('request.unknown', { path });
    return found;
  };

  return {
    call: async (path, input, signal) => endpoint(await connection(signal), path)(input, { signal }) as never,
    stream: async function* (path, input, signal) {
      yield* endpoint(await connection(signal), path)(input, { signal }) as AsyncIterable<never>;
    },
    link: () => link,
    onLink: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
