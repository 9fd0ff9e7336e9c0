import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { MiB } from '#core/bytes.ts';
import { securityHeaders } from '../http/rules.ts';
import { ApiError } from './errors.ts';

/** Two million characters of text, which is more than any context holds, and what JSON makes of them. */
const MAX_BODY_BYTES = 8 * MiB;
/** A client that reads nothing for this long is left. */
const SLOW_READER_MS = 30_000;

/** The body as JSON. Throws what OpenAI's clients are told. */
export async function readBody(request: IncomingMessage): Promise<unknown> {
  const tooLarge = new ApiError(413, 'request_too_large', `The request is over ${MAX_BODY_BYTES / MiB} MiB.`);
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge;
  const chunks: Buffer[] = [];
  let length = 0;
  // Left without destroying the request: its connection still carries the refusal.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw tooLarge;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))) as unknown;
  } catch {
    throw new ApiError(400, 'invalid_json', 'The body is not JSON in UTF-8.');
  }
}

/** How a request is answered: once with JSON, or as a stream of events. */
export interface Reply {
  json(body: unknown): void;
  /** One event of a stream. Resolves when the reader has room for the next. Throws when it is gone or does not read. */
  event(body: unknown): Promise<void>;
  end(): Promise<void>;
  /** Within a stream as an event, which OpenAI's clients throw; else with its status. */
  fail(error: ApiError): void;
  readonly status: () => number | null;
}

/** @param slowReaderMs how long a client may read nothing */
export function replyOn(response: ServerResponse, host: string | null, slowReaderMs = SLOW_READER_MS): Reply {
  const headers = { ...securityHeaders(host), 'Cache-Control': 'no-store' };
  let status: number | null = null;
  const send = (code: number, body: unknown, more: Record<string, string> = {}): void => {
    status = code;
    response.writeHead(code, { ...headers, ...more, 'Content-Type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
  };
  const write = async (text: string): Promise<void> => {
    if (response.destroyed) throw new ApiError(499, 'client_left', 'The client has left.');
    if (status === null) {
      status = 200;
      response.writeHead(200, { ...headers, 'Content-Type': 'text/event-stream; charset=utf-8', Connection: 'keep-alive' });
    }
    if (response.write(text)) return;
    try {
      await once(response, 'drain', { signal: AbortSignal.timeout(slowReaderMs) });
    } catch {
      response.destroy();
      throw new ApiError(499, 'client_left', 'The client does not read.');
    }
  };
  return {
    json: (body) => send(200, body),
    event: (body) => write(`data: ${JSON.stringify(body)}\n\n`),
    end: async () => {
      await write('data: [DONE]\n\n');
      response.end();
    },
    fail: (error) => {
      if (response.destroyed) return;
      if (status !== null) {
        if (!response.writableEnded) response.end(`data: ${JSON.stringify(error.body())}\n\n`);
        return;
      }
      const retry = error.retryAfterSeconds === null ? {} : { 'Retry-After': String(error.retryAfterSeconds) };
      // What is left of a body that is not read would be taken for the next request.
      send(error.status, error.body(), { ...retry, ...(error.status === 413 ? { Connection: 'close' } : {}) });
    },
    status: () => status,
  };
}
