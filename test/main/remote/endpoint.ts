import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

export interface Endpoint {
  /** The base URL. */
  readonly base: string;
  readonly asked: readonly Asked[];
  /** Resolves when a client has left before its answer ended. */
  readonly left: Promise<void>;
}

export type Script = (response: ServerResponse, asked: Asked) => void | Promise<void>;

/** A little server that does what a test says, on a port of its own until the test ends. */
export async function endpoint(script: Script): Promise<Endpoint> {
  const asked: Asked[] = [];
  const left = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const one = {
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: text === '' ? null : (JSON.parse(text) as unknown),
      };
      asked.push(one);
      response.on('close', () => {
        if (!response.writableFinished) left.resolve();
      });
      void script(response, one);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, asked, left: left.promise };
}

export const beginStream = (response: ServerResponse): void => void response.writeHead(200, { 'Content-Type': 'text/event-stream' });

export const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;

export const delta = (content: string, finish: string | null = null): string =>
  event({ choices: [{ index: 0, delta: { content }, finish_reason: finish }] });

/** A whole answer in the usual form. */
export const answerWith =
  (...words: readonly string[]): Script =>
  (response) => {
    beginStream(response);
    for (const word of words) response.write(delta(word));
    response.write(delta('', 'stop'));
    response.write(event({ choices: [], usage: { prompt_tokens: 11, completion_tokens: words.length, total_tokens: 11 + words.length } }));
    response.end('data: [DONE]\n\n');
  };
