import { createReadStream } from 'node:fs';
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { WebSocketServer } from 'ws';
import { KiB } from '#core/bytes.ts';
import type { Port } from '#contract/wire.ts';
import { MAX_PAYLOAD_BYTES, webSocketPort } from '../ports.ts';
import { findFile, listFiles } from './files.ts';
import { guardedServer, listen, type Timeouts } from './listener.ts';
import { isAllowedHost, isJson, isSameOrigin, securityHeaders } from './rules.ts';
import { createSession } from './session.ts';

/** A token in JSON is under 100 bytes. */
const MAX_SESSION_BODY_BYTES = KiB;
export interface ServerOptions {
  /** The built renderer. */
  readonly root: string;
  /** 0: any free port. */
  readonly port: number;
  /** A page has connected and may ask the contract's questions. */
  readonly onPort: (port: Port) => void;
  /** Shorter ones for the tests of slow clients. */
  readonly timeouts?: Timeouts;
  /** Answers what is asked below /v1/, with rules of its own. */
  readonly api?: (request: IncomingMessage, response: ServerResponse, port: number) => Promise<void>;
}

export interface Server {
  readonly port: number;
  /** With the token in the fragment: whoever has it may use Lathe. */
  readonly address: string;
  /** Stop listening and end every connection. */
  close(): Promise<void>;
}

/**
 * Serve the app on 127.0.0.1: its files to anyone who names the server rightly, the session cookie to who knows the token,
 * and the contract to a page of this server that holds the cookie. Throws `host.portTaken`, `host.notBuilt`.
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const files = await listFiles(options.root);
  const server = guardedServer(options.timeouts);
  const port = await listen(server, options.port);
  const session = createSession(port);
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_PAYLOAD_BYTES, perMessageDeflate: false, clientTracking: true });

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { host, origin } = request.headers;
    if (!isAllowedHost(host, port)) return refuse(response, 403, null);
    const { method = '', url = '' } = request;
    if (options.api !== undefined && url.startsWith('/v1/')) return options.api(request, response, port);
    if (url === '/session') {
      if (method !== 'POST') return refuse(response, 405, host, { Allow: 'POST' });
      if (!isSameOrigin(origin, host)) return refuse(response, 403, host);
      if (!isJson(request.headers['content-type'])) return refuse(response, 415, host);
      const body = await readJson(request);
      if (body === undefined) return refuse(response, 413, host, { Connection: 'close' });
      const result = session.exchange(body?.['token']);
      if ('cookie' in result) {
        response.writeHead(204, { ...securityHeaders(host), 'Set-Cookie': result.cookie, 'Cache-Control': 'no-store' }).end();
        return;
      }
      return refuse(response, result.refused === 'tooMany' ? 429 : 403, host);
    }
    if (method !== 'GET' && method !== 'HEAD') return refuse(response, 405, host, { Allow: 'GET, HEAD' });
    const file = findFile(files, url);
    if (file === undefined) return refuse(response, 404, host);
    response.writeHead(200, {
      ...securityHeaders(host),
      'Content-Type': file.mediaType,
      'Cache-Control': file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    });
    if (method === 'HEAD') response.end();
    else await pipeline(createReadStream(file.path), response);
  };

  server.on('request', (request, response) => {
    // A page that leaves half-way, or a file that has gone: the connection is all that can end.
    answer(request, response).catch(() => response.destroy());
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const { host, origin, cookie } = request.headers;
    const mayEnter = request.url === '/port' && isAllowedHost(host, port) && isSameOrigin(origin, host) && session.isHolder(cookie);
    if (!mayEnter) {
      socket.end(`HTTP/1.1 403 ${STATUS_CODES[403]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => options.onPort(webSocketPort(webSocket)));
  });

  return {
    port,
    address: `http://127.0.0.1:${port}/#token=${session.token}`,
    close: async () => {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** The body as an object; null when it is not one; undefined when it is too long. */
async function readJson(request: IncomingMessage): Promise<Record<string, unknown> | null | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Left without destroying the request: its connection still carries the refusal.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_SESSION_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function refuse(response: ServerResponse, status: number, host: string | null, headers: Record<string, string> = {}): void {
  response
    .writeHead(status, { ...securityHeaders(host), ...headers, 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' })
    .end(STATUS_CODES[status]);
}
