import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import type { Port } from '#contract/wire.ts';
import { startServer, type Server, type ServerOptions } from '#main/http/server.ts';

/** A folder with a tiny app in it, and a secret beside it. Removed after the test. */
export async function makeApp(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lathe-http-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const root = join(folder, 'app');
  await mkdir(join(root, 'assets'), { recursive: true });
  await writeFile(join(root, 'index.html'), '<!doctype html><title>Lathe</title>');
  await writeFile(join(root, 'assets', 'main-abc123.js'), 'export {};');
  await writeFile(join(root, 'assets', 'ünï code.css'), 'body{}');
  await writeFile(join(root, 'notes.map'), 'not for the page');
  await writeFile(join(folder, 'secret.txt'), 'secret');
  return root;
}

export interface Running extends Server {
  readonly token: string;
  readonly ports: Port[];
}

export async function startApp(options: Partial<ServerOptions> = {}): Promise<Running> {
  const ports: Port[] = [];
  const server = await startServer({ root: options.root ?? (await makeApp()), port: 0, onPort: (port) => ports.push(port), ...options });
  onTestFinished(() => server.close());
  const token = new URL(server.address).hash.slice('#token='.length);
  return { ...server, token, ports };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Ask {
  readonly method?: string;
  /** Sent as it stands: unlike fetch, nothing resolves `..` or sets Host. */
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** One request, with headers that a browser would not let a script set. */
export function ask(port: number, { method = 'GET', path = '/', headers = {}, body }: Ask): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port, method, path, agent: false, headers: { Host: `127.0.0.1:${port}`, ...headers } },
      (incoming) => {
        let text = '';
        incoming.setEncoding('utf8').on('data', (part: string) => (text += part));
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text }));
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** What the page does with the token, or a variation of it. */
export const postToken = (port: number, token: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  ask(port, {
    method: 'POST',
    path: '/session',
    headers: { Origin: `http://127.0.0.1:${port}`, 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ token }),
  });

/** The session's cookie, as a browser would send it back. */
export async function enter(server: Running): Promise<string> {
  const answer = await postToken(server.port, server.token);
  const [cookie = ''] = answer.headers['set-cookie'] ?? [];
  return cookie.split(';', 1)[0] ?? '';
}

/** Open the contract's WebSocket; resolves with the open socket, or the HTTP status of the refusal. */
export function openSocket(port: number, headers: Record<string, string>, path = '/port'): Promise<WebSocket | number> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
  onTestFinished(() => socket.terminate());
  return new Promise((resolve, reject) => {
    socket.on('open', () => resolve(socket));
    socket.on('unexpected-response', (_, response) => resolve(response.statusCode ?? 0));
    socket.on('error', reject);
  });
}
