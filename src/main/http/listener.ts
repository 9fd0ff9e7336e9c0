import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KiB } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';

/** Loopback: whoever needs longer to send its request holds the connection open on purpose. */
const HEADERS_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 5000;
const MAX_HEADER_BYTES = 16 * KiB;
/** A browser opens six connections for each tab. */
const MAX_CONNECTIONS = 256;

export interface Timeouts {
  readonly headersMs: number;
  readonly requestMs: number;
}

/** A server that slow and greedy clients do not hold up. @param timeouts shorter ones for tests */
export function guardedServer(
  { headersMs, requestMs }: Timeouts = { headersMs: HEADERS_TIMEOUT_MS, requestMs: REQUEST_TIMEOUT_MS },
): Server {
  const server = createServer({
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    connectionsCheckingInterval: Math.min(headersMs, 1000),
  });
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

/** Listen on 127.0.0.1; `port` 0 takes any free one. Resolves to the port. Throws `host.portTaken`. */
export async function listen(server: Server, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen({ host: '127.0.0.1', port }, resolve);
  try {
    await promise;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE' || code === 'EACCES') throw new AppError('host.portTaken', { port: String(port) }, message);
    throw error;
  }
  return (server.address() as AddressInfo).port;
}
