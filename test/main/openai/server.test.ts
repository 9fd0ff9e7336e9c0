import { statSync, readFileSync } from 'node:fs';
import { connect as openSocket } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ServerRequest } from '#contract/server.ts';
import { fakeEngines } from '../support/fake-engines.ts';
import { eventually, temporaryFolder } from '../support/open.ts';
import { ask } from '../http/fixture.ts';
import { post, startApi, testApi, type Api } from './fixture.ts';

const messages = [{ role: 'user', content: 'Hi' }];
const plain = { model: 'teller', messages };
const errorIn = async (response: Response): Promise<unknown> => ((await response.json()) as { error: unknown }).error;

/** Requests of a server as a screen would see them. */
function watch(api: Api): Map<string, ServerRequest> {
  const seen = new Map<string, ServerRequest>();
  void (async () => {
    for await (const request of api.client.server.requests({})) seen.set(request.id, request);
  })().catch(() => undefined);
  return seen;
}

describe('who may ask', () => {
  it('is who names the server rightly, comes from no other page, and has the key', async () => {
    const api = await testApi();
    const { port, token } = api.running;
    const body = JSON.stringify(plain);
    const send = (headers: Record<string, string>, method = 'POST', path = '/v1/chat/completions') =>
      ask(port, {
        method,
        path,
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', ...headers },
        ...(method === 'POST' ? { body } : {}),
      });
    expect((await send({})).status).toBe(200);
    expect((await send({ Host: `localhost:${port}` })).status).toBe(200);
    expect((await send({ Origin: `http://127.0.0.1:${port}` })).status).toBe(200);
    for (const headers of [
      { Host: 'evil.example' },
      { Host: `evil.example:${port}` },
      { Origin: 'https://evil.example' },
      { Origin: 'null' },
    ])
      expect({ headers, status: (await send(headers)).status }).toEqual({ headers, status: 403 });
    for (const key of ['', 'Bearer ', 'Bearer wrong', `Basic ${token}`, `Bearer ${token}x`])
      expect({ key, status: (await send({ Authorization: key })).status }).toEqual({ key, status: 401 });
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', ''])
      expect({ type, status: (await send({ 'Content-Type': type })).status }).toEqual({ type, status: 415 });
    expect((await send({}, 'GET')).status).toBe(405);
    expect((await send({}, 'OPTIONS')).headers['access-control-allow-origin']).toBeUndefined();
    expect((await send({}, 'POST', '/v1/nothing')).status).toBe(404);
    expect((await send({}, 'POST', '/v1/../v1/models')).status).toBe(404);
  });

  it('is nobody for a while after many wrong keys', async () => {
    const api = await testApi();
    const statuses = [];
    for (let attempt = 0; attempt < 22; attempt += 1)
      statuses.push((await post(api, '/v1/models', '', { Authorization: 'Bearer x' })).status);
    expect(statuses.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 401));
    expect(statuses.slice(20)).toEqual([429, 429]);
  });
});

describe('what may be asked', () => {
  it.each([
    ['nothing', ''],
    ['no JSON', '{'],
    ['a list', []],
    ['null', null],
    ['no messages', { model: 'teller' }],
    ['empty messages', { ...plain, messages: [] }],
    ['a message of an unknown role', { ...plain, messages: [{ role: 'wizard', content: 'x' }] }],
    ['an image', { ...plain, messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'http://x' } }] }] }],
    ['a negative limit', { ...plain, max_tokens: -1 }],
    ['a huge limit', { ...plain, max_tokens: 1e12 }],
    ['a text as number', { ...plain, temperature: '1' }],
    ['a negative temperature', { ...plain, temperature: -0.1 }],
    ['a negative seed', { ...plain, seed: -1 }],
    ['no answers', { ...plain, n: 0 }],
    ['a million answers', { ...plain, n: 1_000_000 }],
    ['half a token', { ...plain, top_k: 0.5 }],
    ['too many stop strings', { ...plain, stop: Array.from({ length: 99 }, () => 'x') }],
    ['a bias that would be ignored', { ...plain, logit_bias: { 1: 5 } }],
    ['functions of old', { ...plain, functions: [] }],
    ['a tool with a strange name', { ...plain, tools: [{ type: 'function', function: { name: 'a b;c' } }] }],
    ['a required call without tools', { ...plain, tool_choice: 'required' }],
    [
      'a choice that is no tool',
      { ...plain, tools: [{ type: 'function', function: { name: 'a' } }], tool_choice: { type: 'function', function: { name: 'b' } } },
    ],
    ['a grammar and a format', { ...plain, grammar: 'root ::= "x"', response_format: { type: 'json_object' } }],
    ['a stream that is neither', { ...plain, stream: 'yes' }],
  ])('is not %s', async (_, body) => {
    const response = await post(await testApi(), '/v1/chat/completions', body);
    expect(response.status).toBe(400);
    expect(await errorIn(response)).toMatchObject({ type: 'invalid_request_error', message: expect.any(String) });
  });

  it('names the field that is wrong', async () => {
    const api = await testApi();
    expect(await errorIn(await post(api, '/v1/chat/completions', { ...plain, temperature: 'x' }))).toMatchObject({ param: 'temperature' });
    expect(await errorIn(await post(api, '/v1/embeddings', { model: 'teller', input: [1, 2] }))).toMatchObject({ param: 'input' });
  });

  it('is not more than 8 MiB, said or sent', async () => {
    const api = await testApi();
    const response = await post(api, '/v1/chat/completions', ' '.repeat(9 * 2 ** 20)).catch(() => undefined);
    // The refusal may come while the body is still being sent, which some clients tell as a broken connection.
    if (response !== undefined) expect(response.status).toBe(413);
    expect((await post(api, '/v1/chat/completions', plain)).status).toBe(200);
  });

  it('is never unpacked: one of gzip is no JSON, whatever it would become', async () => {
    const api = await testApi();
    const { port, token } = api.running;
    const ask = (body: Uint8Array<ArrayBuffer>): Promise<Response> =>
      fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' },
        body,
      });
    expect((await ask(gzipSync(JSON.stringify(plain)))).status).toBe(400);
    expect((await ask(gzipSync(Buffer.alloc(64 * 2 ** 20, ' ')))).status).toBe(400);
  });

  it('that is no UTF-8 is refused', async () => {
    const api = await testApi();
    const { port, token } = api.running;
    const response = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]),
    });
    expect(response.status).toBe(400);
  });
});

describe('answers', () => {
  it('go on to others while one client sends its request byte by byte', async () => {
    const api = await testApi();
    const socket = openSocket(api.running.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('POST /v1/chat/completions HTTP/1.1\r\nHost: ');
    expect((await post(api, '/v1/chat/completions', plain)).status).toBe(200);
    socket.destroy();
  });

  it('of a client that leaves in the middle are stopped', async () => {
    const engines = fakeEngines(Array.from({ length: 10_000 }, (_, number) => ` ${number}`));
    const api = await testApi(engines);
    const seen = watch(api);
    const leave = new AbortController();
    const response = await fetch(`${api.running.address}/chat/completions`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${api.running.token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ ...plain, stream: true }),
      signal: leave.signal,
    });
    await response.body?.getReader().read();
    leave.abort();
    await eventually(() => engines.asked.some(([name]) => name === 'stop'), Boolean);
    await eventually(
      () => [...seen.values()],
      ([request]) => request?.state === 'left',
    );
    expect([...seen.values()]).toMatchObject([{ model: 'teller', isStream: true }]);
  });

  it('to 32 clients at once are neither lost nor mixed', async () => {
    const engines = fakeEngines();
    engines.instead.inference.generate = async function* ({ turns, sampling }) {
      const said = turns.at(-1)?.text ?? '';
      for (let part = 0; part < 20; part += 1) {
        yield { type: 'text', text: `${said};` };
        if (part % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      const facts = { sampling, promptTokens: 1, cachedTokens: 0, answerTokens: 20, timeToFirstTokenMs: 1, tokensPerSecond: 1 };
      yield { type: 'finished', stopReason: 'end', facts: { ...facts, stopReason: 'end' } };
    };
    const api = await testApi(engines);
    const seen = watch(api);
    const answers = await Promise.all(
      Array.from({ length: 32 }, async (_, number) => {
        const stream = await api.openai.chat.completions.create({
          model: 'teller',
          messages: [{ role: 'user', content: `client ${number}` }],
          stream: true,
        });
        let text = '';
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
        return text;
      }),
    );
    expect(answers).toEqual(Array.from({ length: 32 }, (_, number) => `client ${number};`.repeat(20)));
    await eventually(
      () => [...seen.values()].filter(({ state }) => state === 'done').length,
      (done) => done === 32,
    );
  });

  it('that fail in the middle of a stream say so in it', async () => {
    const engines = fakeEngines();
    engines.instead.inference.generate = async function* () {
      yield { type: 'text', text: 'Once' };
      await new Promise((resolve) => setTimeout(resolve, 20));
      throw new Error('broken');
    };
    const api = await testApi(engines);
    const stream = await api.openai.chat.completions.create({ model: 'teller', messages: [{ role: 'user', content: 'x' }], stream: true });
    let text = '';
    const reading = (async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    })();
    await expect(reading).rejects.toMatchObject({ type: 'server_error' });
    expect(text).toBe('Once');
  });
});

describe('the switch', () => {
  it('opens and closes the server, which tells of both', async () => {
    const api = await testApi();
    const states: string[] = [];
    void (async () => {
      for await (const { state } of api.client.server.status({})) states.push(state);
    })().catch(() => undefined);
    await eventually(
      () => states.join(),
      (seen) => seen === 'running',
    );
    expect(await api.client.server.stop({})).toEqual({ state: 'stopped' });
    await expect(post(api, '/v1/models', '')).rejects.toThrow('fetch failed');
    const again = await api.client.server.start({ port: api.running.port });
    expect(again).toEqual(api.running);
    await eventually(
      () => states.join(),
      (seen) => seen === 'running,stopped,running',
    );
  });

  it('keeps the key, in a file that only its owner reads, until a new one is made', async () => {
    const home = join(temporaryFolder(), 'home');
    const first = await startApi(fakeEngines(), home);
    const path = join(home, 'api-token');
    expect(readFileSync(path, 'utf8')).toBe(first.running.token);
    if (process.platform !== 'win32') expect(statSync(path).mode & 0o777).toBe(0o600);
    await first.close();
    const second = await startApi(fakeEngines(), home);
    expect(second.running.token).toBe(first.running.token);
    const renewed = await second.client.server.renewToken({});
    expect(renewed).toMatchObject({ state: 'running', token: expect.not.stringMatching(second.running.token) });
    expect((await post(second, '/v1/models', '')).status).toBe(401);
    await second.close();
  });

  it('says when another program has the port', async () => {
    const api = await testApi();
    const other = await testApi();
    await expect(other.client.server.start({ port: api.running.port })).rejects.toMatchObject({ code: 'host.portTaken' });
  });
});
