import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { AppError } from '#core/errors/index.ts';
import { connect, type Connection } from '#contract/connect.ts';
import { MAX_MESSAGE_LENGTH, MAX_OPEN_REQUESTS, MAX_REPLY_LENGTH, PROTOCOL_VERSION, STREAM_CREDIT } from '#contract/wire.ts';
import { probeContract, type AnsweringSide } from './probe.ts';
import { transports, type Opened } from './transports.ts';

const open: Opened[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((transport) => transport.dispose()));
});

/** The error a promise rejects with; fails when it does not, or rejects with anything but an AppError. */
async function errorOf(work: Promise<unknown>): Promise<AppError> {
  const outcome = await work.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if (!('error' in outcome)) throw new Error(`resolved with ${JSON.stringify(outcome.value)}`);
  if (!(outcome.error instanceof AppError)) throw outcome.error;
  return outcome.error;
}

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('it never came true');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe.each(transports)('over $name', (transport) => {
  async function opened(side: AnsweringSide = 'probe'): Promise<Opened> {
    const one = await transport.open(side);
    open.push(one);
    return one;
  }
  async function connected(side: AnsweringSide = 'probe'): Promise<Connection<typeof probeContract> & { drop(): void }> {
    const { port, drop } = await opened(side);
    return { ...connect(probeContract, port), drop };
  }
  /** Speak without the asking half: what is sent is exactly this. Resolves with all that came until the port closed. */
  async function raw(...messages: (string | object)[]): Promise<unknown[]> {
    const { port } = await opened();
    const received: unknown[] = [];
    const closed = new Promise<void>((resolve) => port.onClose(resolve));
    port.onMessage((text) => received.push(JSON.parse(text)));
    for (const message of messages) port.send(typeof message === 'string' ? message : JSON.stringify(message));
    await closed;
    return received;
  }

  it('carries values through both schemas: defaults filled in, unknown keys dropped, any Unicode kept', async () => {
    const { client } = await connected();
    const text = 'naïve 中文 🧵 \u0000 \ud800 "\\';
    const more = { text, unknown: 1 };
    expect(await client.probe.echo(more)).toEqual({ text, times: 1 });
  });

  it('gives an input`s own __proto__ no power', async () => {
    const { client } = await connected();
    const hostile = JSON.parse('{"text":"a","__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}');
    expect(await client.probe.echo(hostile)).toEqual({ text: 'a', times: 1 });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('answers pipelined requests before the welcome has arrived', async () => {
    const { client } = await connected();
    const replies = await Promise.all([1, 2, 3].map((times) => client.probe.echo({ text: 'a', times })));
    expect(replies).toEqual([1, 2, 3].map((times) => ({ text: 'a', times })));
  });

  it('keeps an error`s code, parameters and detail', async () => {
    const { client } = await connected();
    const error = await errorOf(client.probe.fail({}));
    expect(error).toMatchObject({ code: 'reply.invalid', params: { path: 'a.b', problem: '中文 "quoted"' }, detail: 'the cause' });
  });

  it('turns any other thrown thing into internal.unexpected', async () => {
    const { client } = await connected();
    expect(await errorOf(client.probe.failPlainly({}))).toMatchObject({ code: 'internal.unexpected', params: { problem: 'plain' } });
  });

  it('delivers an error whose parameters are not JSON and whose detail is too long', async () => {
    const { client } = await connected();
    const error = await errorOf(client.probe.failOddly({}));
    expect(error).toMatchObject({ code: 'transport.tooLarge', params: { sizeBytes: 'NaN', limitBytes: 'Infinity' } });
    expect(error.detail?.length).toBeLessThan(100_000);
  });

  it('refuses an invalid input with the field`s name', async () => {
    const { client } = await connected();
    for (const input of [{}, { text: 1 }, { text: 'a', times: 0 }, null, 'text', []]) {
      const error = await errorOf(client.probe.echo(input as never));
      expect(error.code).toBe('request.invalid');
      expect(error.params['path']).toBe('probe.echo');
    }
    expect((await errorOf(client.probe.echo({ text: 'a', times: 0 }))).params['problem']).toMatch(/^times: /);
    expect((await errorOf(collect(client.probe.count({ to: 1.5 })))).code).toBe('request.invalid');
  });

  it('refuses an input that JSON cannot carry', async () => {
    const { client } = await connected();
    const cycle: { text: string; self?: unknown } = { text: 'a' };
    cycle.self = cycle;
    for (const input of [cycle, { text: 1n }]) expect((await errorOf(client.probe.echo(input as never))).code).toBe('request.invalid');
    expect(await client.probe.echo({ text: 'still alive' })).toEqual({ text: 'still alive', times: 1 });
  });

  it('knows no paths but those of the contract', async () => {
    const paths = ['nothing', 'probe', 'probe.', '.echo', 'probe.nothing', 'probe.echo.more', '__proto__.toString', 'constructor.name'];
    paths.push('probe.constructor', 'probe.__proto__', 'toString.call', 'probe.hasOwnProperty', `probe.${'x'.repeat(5_000_000)}`);
    const { port } = await opened();
    const codes: unknown[] = [];
    const all = new Promise<void>((resolve) =>
      port.onMessage((text) => {
        const message = JSON.parse(text);
        if (message.type === 'failed') codes.push(message.error.code);
        expect(text.length).toBeLessThan(1000);
        if (codes.length === paths.length) resolve();
      }),
    );
    port.send(JSON.stringify({ type: 'hello', protocol: PROTOCOL_VERSION }));
    for (const [id, path] of paths.entries()) port.send(JSON.stringify({ type: 'open', id, path, input: {} }));
    await all;
    expect(codes).toEqual(paths.map(() => 'request.unknown'));
  });

  it('ends a stream after its last event', async () => {
    const { client } = await connected();
    expect(await collect(client.probe.count({ to: 0 }))).toEqual([]);
    const numbers = await collect(client.probe.count({ to: 200 }));
    expect(numbers.map((event) => event.number)).toEqual(Array.from({ length: 200 }, (_, index) => index));
  });

  it('ends a stream that fails with its error, after the events before it', async () => {
    const { client } = await connected();
    const events: number[] = [];
    const error = await errorOf(
      (async () => {
        for await (const { number } of client.probe.break({})) events.push(number);
      })(),
    );
    expect(events).toEqual([1, 2]);
    expect(error).toMatchObject({ code: 'transport.tooLarge', params: { sizeBytes: 2, limitBytes: 1 } });
  });

  it('cancels the work behind a stream when its reader leaves', async () => {
    const { client } = await connected();
    for await (const { number } of client.probe.count({})) if (number === 40) break;
    await until(async () => {
      const seen = await client.probe.seen({});
      return seen.aborted === 1 && seen.cleaned === 1;
    });
    expect((await client.probe.seen({})).produced).toBeLessThanOrEqual(41 + STREAM_CREDIT);
  });

  it('lets a reader leave that waits for an event which never comes', async () => {
    const { client } = await connected();
    const events = client.probe.waitAfterOne({})[Symbol.asyncIterator]();
    expect((await events.next()).value).toEqual({ number: 1 });
    const pending = events.next();
    await events.return?.();
    expect((await pending).done).toBe(true);
    await until(async () => (await client.probe.seen({})).cleaned === 1);
    expect((await client.probe.seen({})).aborted).toBe(1);
  });

  it('cancels a call and a stream by their signal', async () => {
    const { client } = await connected();
    const leave = new AbortController();
    const call = errorOf(client.probe.wait({}, { signal: leave.signal }));
    const stream = errorOf(collect(client.probe.waitAfterOne({}, { signal: leave.signal })));
    await client.probe.seen({});
    leave.abort();
    expect((await call).code).toBe('request.cancelled');
    expect((await stream).code).toBe('request.cancelled');
    await until(async () => {
      const seen = await client.probe.seen({});
      return seen.aborted === 2 && seen.cleaned === 1;
    });
    expect((await errorOf(client.probe.echo({ text: 'late' }, { signal: leave.signal }))).code).toBe('request.cancelled');
    expect((await errorOf(collect(client.probe.count({}, { signal: leave.signal })))).code).toBe('request.cancelled');
    expect((await client.probe.seen({})).produced).toBe(0);
  });

  it('fails everything that is open when the other end disappears', async () => {
    const { client, ready, closed, drop } = await connected();
    await ready;
    const call = errorOf(client.probe.wait({}));
    const stream = errorOf(collect(client.probe.waitAfterOne({})));
    await client.probe.seen({});
    drop();
    expect((await call).code).toBe('transport.closed');
    expect((await stream).code).toBe('transport.closed');
    await closed;
    expect((await errorOf(client.probe.echo({ text: 'a' }))).code).toBe('transport.closed');
    expect((await errorOf(collect(client.probe.count({})))).code).toBe('transport.closed');
  });

  it('aborts what is running when the asking end disappears', async () => {
    const { client, close } = await connected();
    const folder = await mkdtemp(join(tmpdir(), 'lathe-contract-'));
    const file = join(folder, 'aborted');
    const call = errorOf(client.probe.waitThenWrite({ file }));
    await client.probe.seen({});
    expect(existsSync(file)).toBe(false);
    close();
    expect((await call).code).toBe('transport.closed');
    await until(async () => existsSync(file));
    await rm(folder, { recursive: true });
  });

  it('welcomes its own version and refuses every other with a typed error', async () => {
    const { ready } = await connected();
    await ready;
    for (const protocol of [0, PROTOCOL_VERSION - 1, PROTOCOL_VERSION + 1]) {
      const refusal = { code: 'transport.version', params: { theirs: protocol, ours: PROTOCOL_VERSION } };
      expect(await raw({ type: 'hello', protocol })).toEqual([{ type: 'refused', error: refusal }]);
    }
  });

  it('refuses a request before the hello', async () => {
    const received = await raw({ type: 'open', id: 0, path: 'probe.echo', input: { text: 'a' } });
    expect(received).toMatchObject([{ type: 'refused', error: { code: 'transport.version' } }]);
  });

  it('ends everything with the refusal of a newer program', async () => {
    const { client, ready } = await connected('newer');
    const call = errorOf(client.probe.echo({ text: 'a' }));
    expect(await errorOf(ready)).toMatchObject({ code: 'transport.version', params: { theirs: 1, ours: 2 } });
    expect((await call).code).toBe('transport.version');
  });

  it('closes on what is not in the protocol', async () => {
    const hello = { type: 'hello', protocol: PROTOCOL_VERSION };
    const bad = [
      '',
      'no json',
      '[]',
      'null',
      '{"type":"open"}',
      '{"type":"open","id":-1,"path":"a.b"}',
      '{"type":"credit","id":0,"count":1e9}',
    ];
    for (const message of bad) expect(await raw(hello, message)).toEqual([{ type: 'welcome', protocol: PROTOCOL_VERSION }]);
  });

  it('closes when two open requests have one number', async () => {
    const wait = { type: 'open', id: 7, path: 'probe.wait', input: {} };
    expect(await raw({ type: 'hello', protocol: PROTOCOL_VERSION }, wait, wait)).toEqual([{ type: 'welcome', protocol: PROTOCOL_VERSION }]);
  });

  it.each(['garbage', 'unknownMessage'] as const)('ends everything when the answering side sends %s', async (side) => {
    const { client, ready, closed } = await connected(side);
    expect((await errorOf(client.probe.echo({ text: 'a' }))).code).toBe('reply.invalid');
    expect((await errorOf(ready)).code).toBe('reply.invalid');
    await closed;
  });

  it('refuses what is longer than a message may be: request, reply and event', async () => {
    const { client } = await connected();
    expect((await errorOf(client.probe.echo({ text: 'x'.repeat(MAX_MESSAGE_LENGTH) }))).code).toBe('transport.tooLarge');
    const length = MAX_REPLY_LENGTH;
    expect((await errorOf(client.probe.long({ length }))).code).toBe('transport.tooLarge');
    const events: string[] = [];
    const leaving = (async () => {
      for await (const event of client.probe.longEvent({ length })) events.push(event);
    })();
    expect((await errorOf(leaving)).code).toBe('transport.tooLarge');
    expect(events).toEqual(['short']);
    expect((await client.probe.long({ length: length - 100 })).length).toBe(length - 100);
  });

  it('carries the longest message also when every character takes three bytes', async () => {
    const { client } = await connected();
    const text = '中'.repeat(MAX_MESSAGE_LENGTH - 200);
    expect(await client.probe.echo({ text })).toEqual({ text, times: 1 });
  });

  it('closes on a message over the limit', async () => {
    const long = JSON.stringify({ type: 'open', id: 0, path: 'probe.echo', input: { text: 'x'.repeat(MAX_MESSAGE_LENGTH) } });
    expect(await raw({ type: 'hello', protocol: PROTOCOL_VERSION }, long)).toEqual([{ type: 'welcome', protocol: PROTOCOL_VERSION }]);
  });

  it('lets a producer run ahead of a stalled reader by the credit and no further', async () => {
    const { client } = await connected();
    const events = client.probe.count({})[Symbol.asyncIterator]();
    const produced = async (): Promise<number> => (await client.probe.seen({})).produced;
    await events.next();
    await until(async () => (await produced()) >= STREAM_CREDIT);
    // Several round trips later it has not moved.
    for (let trip = 0; trip < 5; trip += 1) expect(await produced()).toBe(STREAM_CREDIT);
    for (let read = 1; read < 100; read += 1) await events.next();
    expect(await produced()).toBeLessThanOrEqual(100 + STREAM_CREDIT);
    await events.return?.();
  });

  it('bounds the requests that one port may have open', async () => {
    const { client } = await connected();
    const leave = new AbortController();
    const waiting = Array.from({ length: MAX_OPEN_REQUESTS }, () => errorOf(client.probe.wait({}, { signal: leave.signal })));
    expect(await errorOf(client.probe.echo({ text: 'a' }))).toMatchObject({
      code: 'request.tooMany',
      params: { limit: MAX_OPEN_REQUESTS },
    });
    leave.abort();
    for (const error of await Promise.all(waiting)) expect(error.code).toBe('request.cancelled');
    expect(await client.probe.echo({ text: 'a' })).toEqual({ text: 'a', times: 1 });
  });

  it('does not pass on a reply that is not what was agreed', async () => {
    const { client } = await connected();
    for (const reply of ['undefined', 'other', 'nan'] as const)
      expect(await errorOf(client.probe.wrong({ reply }))).toMatchObject({ code: 'reply.invalid', params: { path: 'probe.wrong' } });
    for (const reply of ['bigint', 'cycle'] as const)
      expect((await errorOf(client.probe.wrong({ reply }))).code).toBe('internal.unexpected');
    const events: number[] = [];
    const reading = (async () => {
      for await (const { number } of client.probe.wrongEvent({})) events.push(number);
    })();
    expect((await errorOf(reading)).code).toBe('reply.invalid');
    expect(events).toEqual([1]);
    await until(async () => (await client.probe.seen({})).cleaned === 1);
  });

  it('says nothing until something is asked, and hangs on no answer of its own', async () => {
    const { ready, close, closed } = await connected('silent');
    const outcome = await Promise.race([ready.then(() => 'ready'), new Promise((resolve) => setTimeout(() => resolve('waiting'), 50))]);
    expect(outcome).toBe('waiting');
    close();
    await closed;
    expect((await errorOf(ready)).code).toBe('transport.closed');
  });
});
