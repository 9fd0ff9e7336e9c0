import { symlink } from 'node:fs/promises';
import { connect as connectSocket, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { connect } from '#contract/connect.ts';
import { call } from '#contract/define.ts';
import { serve } from '#contract/serve.ts';
import { none } from '#contract/shared.ts';
import { z } from 'zod';
import { webSocketPort } from '#main/ports.ts';
import { startServer } from '#main/http/server.ts';
import { ask, enter, makeApp, openSocket, postToken, startApp } from './fixture.ts';

const origin = (port: number): string => `http://127.0.0.1:${port}`;

describe('static files', () => {
  test('serves the index at the root, and each file with its own type', async () => {
    const { port } = await startApp();
    const index = await ask(port, { path: '/' });
    expect(index).toMatchObject({ status: 200, body: '<!doctype html><title>Lathe</title>' });
    expect(index.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(index.headers['cache-control']).toBe('no-cache');
    const script = await ask(port, { path: '/assets/main-abc123.js?v=1' });
    expect(script.headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect(script.headers['cache-control']).toContain('immutable');
    expect((await ask(port, { path: '/assets/%C3%BCn%C3%AF%20code.css' })).status).toBe(200);
  });

  test('answers HEAD with the headers only', async () => {
    const { port } = await startApp();
    expect(await ask(port, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
  });

  test('a page may run only its own code, and be framed by nobody', async () => {
    const { port } = await startApp();
    const { headers } = await ask(port, {});
    const policy = headers['content-security-policy'];
    for (const rule of ["default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", `ws://127.0.0.1:${port}`])
      expect(policy).toContain(rule);
    expect(policy).not.toContain("script-src 'unsafe-inline'");
    expect(policy).not.toContain('unsafe-eval');
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });

  test.each([
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/%2e%2e/secret.txt',
    '/%2e%2e%2fsecret.txt',
    '/..%5csecret.txt',
    '/..\\secret.txt',
    '//secret.txt',
    '/index.html%00.js',
    '/%',
    '/%E0%A4%A',
    '/assets',
    '/notes.map',
    'http://127.0.0.1/secret.txt',
    '/.%252e/secret.txt',
  ])('nothing outside the app is reached by %s', async (path) => {
    const { port } = await startApp();
    const answer = await ask(port, { path });
    expect(answer.status).toBe(404);
    expect(answer.body).not.toContain('secret');
  });

  test('a link inside the app to a file outside is not served', async () => {
    const root = await makeApp();
    await symlink(join(dirname(root), 'secret.txt'), join(root, 'link.txt'));
    const { port } = await startApp({ root });
    expect((await ask(port, { path: '/link.txt' })).status).toBe(404);
  });

  test('a folder without an app is named before anything listens', async () => {
    const root = join(await makeApp(), 'assets');
    await expect(startApp({ root })).rejects.toMatchObject({ code: 'host.notBuilt' });
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s on a file is refused', async (method) => {
    const { port } = await startApp();
    expect((await ask(port, { method })).status).toBe(405);
  });
});

describe('who may ask', () => {
  test.each(['127.0.0.1', 'localhost', 'LOCALHOST', '[::1]'])('the name %s is answered', async (name) => {
    const { port } = await startApp();
    expect((await ask(port, { headers: { Host: `${name}:${port}` } })).status).toBe(200);
  });

  test.each(['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example', '0.0.0.0', '192.168.0.1'])(
    'a name that was rebound to this machine, %s, gets nothing, neither page nor session nor socket',
    async (name) => {
      const server = await startApp();
      const host = `${name}:${server.port}`;
      expect((await ask(server.port, { headers: { Host: host } })).status).toBe(403);
      expect((await postToken(server.port, server.token, { Host: host, Origin: `http://${host}` })).status).toBe(403);
      const cookie = await enter(server);
      expect(await openSocket(server.port, { Host: host, Origin: `http://${host}`, Cookie: cookie })).toBe(403);
    },
  );

  test('the right name with another port, or with none, is another server', async () => {
    const { port } = await startApp();
    for (const host of ['127.0.0.1', `127.0.0.1:${port + 1}`, 'localhost:80'])
      expect((await ask(port, { headers: { Host: host } })).status).toBe(403);
  });
});

describe('the session', () => {
  test('the token becomes a cookie that scripts cannot read and other sites do not send', async () => {
    const { port, token } = await startApp();
    const answer = await postToken(port, token);
    expect(answer.status).toBe(204);
    const [cookie] = answer.headers['set-cookie'] ?? [];
    expect(cookie).toMatch(new RegExp(`^lathe-${port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict$`));
    expect(cookie).not.toContain(token);
  });

  test('the token is good for a second tab too', async () => {
    const { port, token } = await startApp();
    expect((await postToken(port, token)).status).toBe(204);
    expect((await postToken(port, token)).status).toBe(204);
  });

  test.each([['wrong'], [''], [null], [17], [['x']], [{}]])('%j is not the token', async (wrong) => {
    const { port } = await startApp();
    const answer = await postToken(port, wrong);
    expect(answer.status).toBe(403);
    expect(answer.headers['set-cookie']).toBeUndefined();
  });

  test('a body that is not JSON, or no object, is not a token', async () => {
    const { port } = await startApp();
    const headers = { Origin: origin(port), 'Content-Type': 'application/json' };
    for (const body of ['', 'token', '"x"', 'null', '[1]'])
      expect((await ask(port, { method: 'POST', path: '/session', headers, body })).status).toBe(403);
  });

  test.each(['https://evil.example', 'null', 'http://127.0.0.1', 'http://localhost:1', ''])(
    'a page of another origin, %j, is refused even with the right token',
    async (foreign) => {
      const { port, token } = await startApp();
      expect((await postToken(port, token, { Origin: foreign })).status).toBe(403);
    },
  );

  test('a request without an Origin is refused', async () => {
    const { port, token } = await startApp();
    const body = JSON.stringify({ token });
    const answer = await ask(port, { method: 'POST', path: '/session', headers: { 'Content-Type': 'application/json' }, body });
    expect(answer.status).toBe(403);
  });

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'text/plain; application/json',
    'application/jsonp',
  ])('what a plain form can send, %s, is refused', async (type) => {
    const { port, token } = await startApp();
    expect((await postToken(port, token, { 'Content-Type': type })).status).toBe(415);
  });

  test('GET does not make a session', async () => {
    const { port } = await startApp();
    expect((await ask(port, { path: '/session', headers: { Origin: origin(port) } })).status).toBe(405);
  });

  test('after ten wrong tokens the right one is not looked at either, for a minute', async () => {
    const { port, token } = await startApp();
    for (let attempt = 0; attempt < 10; attempt++) expect((await postToken(port, `wrong ${attempt}`)).status).toBe(403);
    expect((await postToken(port, token)).status).toBe(429);
  });

  test('a body over the limit is refused, declared or not', async () => {
    const { port, token } = await startApp();
    expect((await postToken(port, token + 'x'.repeat(100_000))).status).toBe(413);
    const body = JSON.stringify({ token: 'x'.repeat(100_000) });
    const headers = { Origin: origin(port), 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' };
    expect((await ask(port, { method: 'POST', path: '/session', headers, body })).status).toBe(413);
  });
});

describe('the socket', () => {
  const testContract = { test: { hello: call(none, z.string()) } };

  test('with the cookie, a page of this server can ask the contract', async () => {
    const server = await startApp({ onPort: (port) => void serve(testContract, { test: { hello: () => 'hello' } }, port) });
    const socket = await openSocket(server.port, { Origin: origin(server.port), Cookie: await enter(server) });
    if (!(socket instanceof WebSocket)) throw new Error(`refused with ${socket}`);
    expect(await connect(testContract, webSocketPort(socket)).client.test.hello({})).toBe('hello');
  });

  test('without the cookie, with a wrong one, or with one of another port it stays shut', async () => {
    const server = await startApp();
    const cookie = await enter(server);
    const wrong = [undefined, `lathe-${server.port}=`, `lathe-${server.port}=wrong`, cookie.replace(/^lathe-\d+/, 'lathe-1'), `${cookie}x`];
    for (const value of wrong) {
      const headers = { Origin: origin(server.port), ...(value === undefined ? {} : { Cookie: value }) };
      expect(await openSocket(server.port, headers)).toBe(403);
    }
    expect(server.ports).toHaveLength(0);
  });

  test('the cookie is found among others', async () => {
    const server = await startApp();
    const cookie = `a=1; ${await enter(server)}; b=2`;
    expect(await openSocket(server.port, { Origin: origin(server.port), Cookie: cookie })).toBeInstanceOf(WebSocket);
  });

  test.each(['https://evil.example', 'null', 'http://127.0.0.1', undefined])(
    'an Origin of %j is refused even with the cookie',
    async (foreign) => {
      const server = await startApp();
      const headers = { Cookie: await enter(server), ...(foreign === undefined ? {} : { Origin: foreign }) };
      expect(await openSocket(server.port, headers)).toBe(403);
    },
  );

  test('there is no other path to it', async () => {
    const server = await startApp();
    const headers = { Origin: origin(server.port), Cookie: await enter(server) };
    for (const path of ['/', '/port/', '/port?x', '/ports']) expect(await openSocket(server.port, headers, path)).toBe(403);
  });

  test('a frame over the limit ends the connection', async () => {
    const server = await startApp();
    const socket = await openSocket(server.port, { Origin: origin(server.port), Cookie: await enter(server) });
    if (!(socket instanceof WebSocket)) throw new Error(`refused with ${socket}`);
    const closed = new Promise<number>((resolve) => socket.on('close', resolve));
    socket.send('x'.repeat(24 * 1024 * 1024 + 1));
    // 1009: message too big, RFC 6455 section 7.4.1.
    expect(await closed).toBe(1009);
  });
});

describe('the server itself', () => {
  const slow = { headersMs: 300, requestMs: 300 };

  /** What the server says until it closes the connection, and when that is. */
  async function untilClosed(socket: Socket): Promise<{ text: string; afterMs: number }> {
    const startedMs = Date.now();
    let text = '';
    socket.setEncoding('utf8').on('data', (part: string) => (text += part));
    socket.on('error', () => undefined);
    await new Promise<void>((resolve) => socket.on('close', () => resolve()));
    return { text, afterMs: Date.now() - startedMs };
  }

  test('a client that sends its headers a byte at a time is cut off', async () => {
    const { port } = await startApp({ timeouts: slow });
    const socket = connectSocket(port, '127.0.0.1');
    socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX-Slow: `);
    const drip = setInterval(() => socket.write('a'), 50);
    onTestFinished(() => clearInterval(drip));
    const { text, afterMs } = await untilClosed(socket);
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
    expect(afterMs).toBeLessThan(5000);
  });

  test('a client that never sends the body it announced is cut off', async () => {
    const { port } = await startApp({ timeouts: slow });
    const socket = connectSocket(port, '127.0.0.1');
    const headers = [`Host: 127.0.0.1:${port}`, `Origin: ${origin(port)}`, 'Content-Type: application/json', 'Content-Length: 100'];
    socket.write(`POST /session HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n{`);
    const { text, afterMs } = await untilClosed(socket);
    expect(text).not.toContain('204');
    expect(afterMs).toBeLessThan(5000);
  });

  test('headers over the limit are refused', async () => {
    const { port } = await startApp();
    expect((await ask(port, { headers: { 'X-Long': 'x'.repeat(20_000) } })).status).toBe(431);
  });

  test('it listens on 127.0.0.1 only: not on the network, and not on another loopback address', async () => {
    const { address, port } = await startApp();
    expect(new URL(address).hostname).toBe('127.0.0.1');
    const others = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map((one) => one.address));
    for (const host of ['127.0.0.2', ...others.filter((other) => other !== '127.0.0.1' && !other.startsWith('fe80:'))]) {
      const socket = connectSocket({ port, host });
      const outcome = await new Promise((resolve) =>
        socket.on('connect', () => resolve('connected')).on('error', () => resolve('refused')),
      );
      socket.destroy();
      expect([host, outcome]).toEqual([host, 'refused']);
    }
  });

  test('a port in use is named', async () => {
    const { port } = await startApp();
    await expect(startApp({ port })).rejects.toMatchObject({ code: 'host.portTaken', params: { port: String(port) } });
  });

  test('closing ends open sockets and idle connections at once', async () => {
    const root = await makeApp();
    const ended: string[] = [];
    const server = await startServer({ root, port: 0, onPort: (port) => port.onClose(() => ended.push('port')) });
    const token = new URL(server.address).hash.slice('#token='.length);
    const running = { ...server, token, ports: [] };
    await openSocket(server.port, { Origin: origin(server.port), Cookie: await enter(running) });
    const idle = connectSocket(server.port, '127.0.0.1');
    idle.on('close', () => ended.push('idle')).on('error', () => undefined);
    await new Promise((resolve) => idle.on('connect', resolve));
    await sleep(20);
    const startedMs = Date.now();
    await server.close();
    expect(Date.now() - startedMs).toBeLessThan(1000);
    await expect.poll(() => ended.toSorted()).toEqual(['idle', 'port']);
    await expect(ask(server.port, {})).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});
