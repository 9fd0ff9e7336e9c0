import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { MAX_EVENT_LENGTH } from '#core/remote/events.ts';
import { sampling } from '#contract/chat.ts';
import { listRemoteModels, streamCompletion, type RemoteEvent } from '#main/remote/completion.ts';
import { REMOTE_LIMITS, type RemoteTarget } from '#main/remote/http.ts';
import { errorOf } from '../../expect-error.ts';
import { answerWith, beginStream, delta, endpoint, event, type Script } from './endpoint.ts';

/** Small, for tests that wait until one is over. */
const SHORT = { firstByteMs: 150, stallMs: 150, listMs: 150 };
const KEY = 'sk-never-shown-0123456789';

async function ask(script: Script, limits = REMOTE_LIMITS, signal = new AbortController().signal) {
  const server = await endpoint(script);
  const target: RemoteTarget = { name: 'Attic', base: server.base, host: 'attic', dialect: 'openai', key: KEY };
  const told: RemoteEvent[] = [];
  const question = {
    model: 'm',
    mode: 'chat' as const,
    systemPrompt: '',
    turns: [{ role: 'user' as const, text: 'Hello' }],
    sampling: sampling.parse({}),
  };
  const done = (async () => {
    for await (const one of streamCompletion(target, question, { signal, limits })) told.push(one);
  })();
  // What it ends with is looked at later.
  done.catch(() => undefined);
  return { ...server, target, told, done, text: () => told.map((one) => (one.type === 'text' ? one.text : '')).join('') };
}

test('an answer comes with its words, its tokens and its times', async () => {
  const { told, done, text, asked } = await ask(answerWith('Once ', 'upon ', 'a time'));
  await done;
  expect(text()).toBe('Once upon a time');
  expect(told.at(-1)).toMatchObject({
    type: 'finished',
    finish: 'stop',
    usage: { promptTokens: 11, answerTokens: 3, cachedTokens: 0 },
    pieces: 3,
    calls: [],
  });
  const end = told.at(-1);
  if (end?.type !== 'finished' || end.firstMs === null) throw new Error('it has no times');
  expect(end.firstMs).toBeGreaterThan(0);
  expect(end.totalMs).toBeGreaterThanOrEqual(end.firstMs + end.writingMs);
  expect(asked[0]).toMatchObject({ method: 'POST', path: '/v1/chat/completions', headers: { authorization: `Bearer ${KEY}` } });
});

test('thoughts that an engine tells apart stand before the answer, between the marks that models write', async () => {
  const thought = (reasoning_content: string): string => event({ choices: [{ delta: { reasoning_content } }] });
  const { done, text } = await ask((response) => {
    beginStream(response);
    response.end(`${thought('two and ')}${thought('two')}${delta('4', 'stop')}data: [DONE]\n\n`);
  });
  await done;
  expect(text()).toBe('<think>two and two</think>\n\n4');
});

test('characters that are cut between two packets arrive whole', async () => {
  const bytes = Buffer.from(`${delta('量化 🪵')}${delta('', 'stop')}`);
  const { done, text } = await ask(async (response) => {
    beginStream(response);
    for (const byte of bytes) response.write(Buffer.from([byte]));
    response.end();
  });
  await done;
  expect(text()).toBe('量化 🪵');
});

test('one that never answers is left after its time', async () => {
  const { done, left } = await ask(() => undefined, SHORT);
  expect(await errorOf(done)).toMatchObject({ code: 'remote.noAnswer', params: { name: 'Attic', limitMs: 150 } });
  await left;
});

test('one that stops in the middle is left, and what came was told', async () => {
  const { done, text, left } = await ask(
    (response) => {
      beginStream(response);
      response.write(delta('Once '));
    },
    { ...SHORT, firstByteMs: 5000 },
  );
  expect(await errorOf(done)).toMatchObject({ code: 'remote.stalled' });
  expect(text()).toBe('Once ');
  await left;
});

test('a connection that breaks, and a stream that ends without an end, are both said to be cut off', async () => {
  const broken = await ask((response) => {
    beginStream(response);
    response.write(delta('Once '), () => response.destroy());
  });
  expect(await errorOf(broken.done)).toMatchObject({ code: 'remote.cutOff' });
  expect(broken.text()).toBe('Once ');
  const ended = await ask((response) => {
    beginStream(response);
    response.end(delta('Once '));
  });
  expect(await errorOf(ended.done)).toMatchObject({ code: 'remote.cutOff' });
});

test('nobody at the address is told as such', async () => {
  const gone: RemoteTarget = { name: 'Attic', base: 'http://127.0.0.1:1/v1', host: '127.0.0.1:1', dialect: 'openai', key: null };
  const error = await errorOf(listRemoteModels(gone, { signal: new AbortController().signal }));
  expect(error.code).toBe('remote.unreachable');
});

test.each([401, 403])('HTTP %i is a matter of the key, which is not repeated', async (status) => {
  const { done } = await ask((response) => {
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ error: { message: `Incorrect API key provided: ${KEY}.` } }));
  });
  const error = await errorOf(done);
  expect(error).toMatchObject({ code: 'remote.unauthorized', params: { problem: 'Incorrect API key provided: …' } });
  expect(JSON.stringify(error)).not.toContain(KEY);
});

test('a refusal is told in the engine’s words, without what would move a cursor, and cut', async () => {
  const { done } = await ask((response) => {
    response.writeHead(400, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ detail: `\u001b[2Jcontext is full\u202e ${'x'.repeat(5000)}` }));
  });
  const { code, params } = await errorOf(done);
  expect(code).toBe('remote.refused');
  expect(params).toMatchObject({ status: 400 });
  expect(String(params['problem'])).toMatch(/^\[2Jcontext is full x+$/);
  expect(String(params['problem'])).toHaveLength(300);
});

test('a page of a proxy is not shown', async () => {
  const { done } = await ask((response) => void response.writeHead(502).end('<html><script>alert(1)</script></html>'));
  expect(await errorOf(done)).toMatchObject({ code: 'remote.refused', params: { status: 502, problem: 'Bad Gateway' } });
});

test.each([301, 302, 307, 308])('a redirection (%i) is not followed: neither text nor key go there', async (status) => {
  const elsewhere = await endpoint(answerWith('caught'));
  const { done } = await ask((response) => void response.writeHead(status, { Location: `${elsewhere.base}/chat/completions` }).end());
  expect(await errorOf(done)).toMatchObject({ code: 'remote.redirected', params: { target: new URL(elsewhere.base).origin } });
  expect(elsewhere.asked).toEqual([]);
});

test.each([
  ['an HTML page', 'text/html', '<html>Welcome</html>'],
  ['a whole JSON answer', 'application/json', '{"choices":[{"message":{"content":"Hi"}}]}'],
  ['events that are no JSON', 'text/event-stream', 'data: hello there\n\n'],
  ['JSON that is no chunk', 'text/event-stream', 'data: {"weather":"fine"}\n\n'],
])('%s is no answer', async (_, type, body) => {
  const { done, text } = await ask((response) => void response.writeHead(200, { 'Content-Type': type }).end(body));
  expect(await errorOf(done)).toMatchObject({ code: 'remote.garbage' });
  expect(text()).toBe('');
});

test('an error in the middle of the stream ends the answer with the engine’s words', async () => {
  const { done, text } = await ask((response) => {
    beginStream(response);
    response.end(`${delta('Once ')}${event({ error: { message: 'CUDA out of memory', code: 500 } })}`);
  });
  expect(await errorOf(done)).toMatchObject({ code: 'remote.refused', params: { problem: 'CUDA out of memory' } });
  expect(text()).toBe('Once ');
});

test('a line without an end is not kept, and its sender is left', async () => {
  const { done, left } = await ask((response) => {
    beginStream(response);
    response.write('data: ');
    const more = (): void => {
      if (response.destroyed) return;
      if (response.write('x'.repeat(65_536))) setImmediate(more);
      else response.once('drain', more);
    };
    more();
  });
  expect(await errorOf(done)).toMatchObject({ code: 'remote.tooMuch', params: { limitBytes: MAX_EVENT_LENGTH } });
  await left;
});

test('who stops leaves the engine at once, so that it stops too', async () => {
  const stop = new AbortController();
  const { done, left, told } = await ask(
    (response) => {
      beginStream(response);
      const timer = setInterval(() => response.write(delta('on and ')), 5);
      response.on('close', () => clearInterval(timer));
    },
    REMOTE_LIMITS,
    stop.signal,
  );
  while (told.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  stop.abort();
  await done.catch(() => undefined);
  await left;
  expect(told.at(-1)?.type).toBe('text');
});

test('a list of models that never ends, or is none, is refused', async () => {
  const signal = new AbortController().signal;
  const list = async (script: Script) => {
    const { base } = await endpoint(script);
    return listRemoteModels(
      { name: 'Attic', base, host: 'attic', dialect: 'openai', key: null },
      { signal, limits: { ...REMOTE_LIMITS, ...SHORT, listMs: 5000 } },
    );
  };
  expect(await errorOf(list((response) => void response.end('{"models":[]}')))).toMatchObject({ code: 'remote.garbage' });
  const flood: Script = (response) => {
    const more = (): void => {
      if (response.destroyed) return;
      if (response.write('x'.repeat(65_536))) setImmediate(more);
      else response.once('drain', more);
    };
    more();
  };
  expect(await errorOf(list(flood))).toMatchObject({ code: 'remote.tooMuch' });
  expect(await list((response) => void response.end('{"data":[{"id":"a"}]}'))).toMatchObject({ models: ['a'] });
  // 64 KB on the wire, and 64 MiB of it.
  const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20, ' '));
  const headers = { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' };
  expect(await errorOf(list((response) => void response.writeHead(200, headers).end(bomb)))).toMatchObject({ code: 'remote.tooMuch' });
});

test('an answer that unpacks to more than answers are is left', async () => {
  const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20, 'x'));
  const { done } = await ask(
    (response) => void response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Content-Encoding': 'gzip' }).end(bomb),
  );
  expect(await errorOf(done)).toMatchObject({ code: 'remote.tooMuch' });
});
