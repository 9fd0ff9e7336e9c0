import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { diskError } from '#core/errors/on-disk.ts';
import type { AppHandlers } from '#contract/index.ts';
import type { ServerStatus } from '#contract/server.ts';
import { listeners, streamOf } from '../changes.ts';
import type { Chat } from '../chat/index.ts';
import { guardedServer, listen } from '../http/listener.ts';
import type { Library } from '../library/index.ts';
import type { Log } from '../log.ts';
import { apiHandler } from './handler.ts';
import { requestFeed } from './requests.ts';

export interface ApiServerOptions {
  /** The token is kept here, so that other programs need be told of it once. */
  readonly home: string;
  readonly library: Pick<Library, 'handlers'>;
  readonly chat: Pick<Chat, 'complete' | 'embed'>;
  readonly log: Log;
  readonly clock: () => number;
}

/** What another program has to be told. */
export interface ApiAccess {
  /** The base URL. */
  readonly address: string;
  readonly key: string;
  /** The file that holds the key. */
  readonly keyPath: string;
}

/** For a server that is there already, as `lathe serve` has one. */
export interface ApiMount {
  /** From now on that server's port is the API's; it is switched on. */
  mount(port: number): ApiAccess;
  handle(request: IncomingMessage, response: ServerResponse, port: number): Promise<void>;
}

export type ApiServer = ReturnType<typeof createApiServer>;

/** 256 bits: nobody guesses it, with or without a limit on attempts. */
const TOKEN_BYTES = 32;
const addressAt = (port: number): string => `http://127.0.0.1:${port}/v1`;
const TOKEN_FILE = 'api-token';
const OWNER_ONLY = 0o600;

/** The OpenAI-compatible server: on a port of its own when the user switches it on, or a part of `lathe serve`. */
export function createApiServer({ home, library, chat, log, clock }: ApiServerOptions) {
  const requests = requestFeed(clock);
  const changes = listeners<ServerStatus>();
  let own: { readonly server: Server; readonly port: number } | undefined;
  let mounted: { readonly port: number; isOn: boolean } | undefined;
  let token: string | undefined;
  /** One start or stop at a time. */
  let last: Promise<unknown> = Promise.resolve();

  const path = join(home, TOKEN_FILE);
  const newToken = (): string => {
    const made = `lathe-${randomBytes(TOKEN_BYTES).toString('base64url')}`;
    try {
      writeFileSync(path, made, { mode: OWNER_ONLY });
    } catch (error) {
      throw diskError(error, path);
    }
    return (token = made);
  };
  const savedToken = (): string | undefined => {
    try {
      return /^lathe-[\w-]{40,}$/.exec(readFileSync(path, 'utf8').trim())?.[0];
    } catch {
      return undefined;
    }
  };
  const currentToken = (): string => (token ??= savedToken() ?? newToken());

  const handler = apiHandler({
    chat,
    models: async () => library.handlers.list({}, { signal: new AbortController().signal }),
    token: currentToken,
    isOn: () => own !== undefined || mounted?.isOn === true,
    requests,
    log,
    clock,
  });

  const status = (): ServerStatus => {
    const port = mounted === undefined ? own?.port : mounted.isOn ? mounted.port : undefined;
    if (port === undefined) return { state: 'stopped' };
    return { state: 'running', port, address: addressAt(port), token: currentToken(), isMounted: mounted !== undefined };
  };
  const changed = (): ServerStatus => {
    const now = status();
    changes.emit(now);
    return now;
  };

  const closeOwn = async (): Promise<void> => {
    const closing = own;
    own = undefined;
    if (closing === undefined) return;
    closing.server.closeAllConnections();
    await new Promise<void>((resolve) => closing.server.close(() => resolve()));
  };

  const start = async (wanted: number): Promise<ServerStatus> => {
    currentToken();
    if (mounted !== undefined) mounted.isOn = true;
    else if (own === undefined || (wanted !== 0 && wanted !== own.port)) {
      await closeOwn();
      const server = guardedServer();
      const port = await listen(server, wanted);
      server.on('request', (request, response) => {
        handler.handle(request, response, port).catch(() => response.destroy());
      });
      own = { server, port };
    }
    return changed();
  };
  const stop = async (): Promise<ServerStatus> => {
    handler.stopAll();
    if (mounted !== undefined) mounted.isOn = false;
    await closeOwn();
    return changed();
  };
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  };

  const handlers: AppHandlers['server'] = {
    status: (_, { signal }) => streamOf<ServerStatus>(changes.add, { signal, key: () => 'status', first: [status()] }),
    start: ({ port }) => inTurn(() => start(port)),
    stop: () => inTurn(stop),
    renewToken: () => {
      newToken();
      return changed();
    },
    requests: (_, { signal }) => requests.watch(signal),
  };
  const mountable: ApiMount = {
    mount: (port) => {
      mounted = { port, isOn: true };
      const key = currentToken();
      changed();
      return { address: addressAt(port), key, keyPath: path };
    },
    handle: handler.handle,
  };
  return { handlers, mountable, close: (): Promise<void> => inTurn(async () => void (await stop())) };
}
