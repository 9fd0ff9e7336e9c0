import { describe, expect, onTestFinished, test } from 'vitest';
import type { Contract, Handlers } from '#contract/define.ts';
import { contract, type AppHandlers } from '#contract/index.ts';
import { memoryPorts } from '#contract/memory-port.ts';
import { serve } from '#contract/serve.ts';
import type { Port } from '#contract/wire.ts';
import { AppError } from '#core/errors/index.ts';
import { createApi, NotAdmitted, type Link } from '#renderer/api.ts';
import { fakeHandlers } from '../e2e/fake-handlers.ts';

const NO_PAUSE = [1];

/** A program that can be taken away and given back. */
function program(handlers: AppHandlers = fakeHandlers({ scene: 'filled' })) {
  let stop: (() => void) | undefined;
  let refusing: Error | null = null;
  let attempts = 0;
  onTestFinished(() => stop?.());
  return {
    open: async (): Promise<Port> => {
      attempts += 1;
      if (refusing !== null) throw refusing;
      const [here, there] = memoryPorts();
      stop = serve(contract as Contract, handlers as Handlers<Contract>, there);
      return here;
    },
    /** Break the connection off. */
    drop: () => stop?.(),
    refuse: (error: Error | null) => (refusing = error),
    attempts: () => attempts,
  };
}

const linkState = (api: { link(): Link; onLink(listener: () => void): () => void }, state: Link['state']): Promise<void> =>
  new Promise((resolve) => {
    const check = (): void => {
      if (api.link().state === state) resolve();
    };
    api.onLink(check);
    check();
  });

describe('the client of the page', () => {
  test('asks by path, typed and validated', async () => {
    const api = createApi(program().open, NO_PAUSE);
    expect((await api.call('chat.threads', {})).length).toBeGreaterThan(3);
    await expect(api.call('library.get', { modelId: '' })).rejects.toMatchObject({ code: 'request.invalid' });
  });

  test('opens the connection again when it is lost, and says so meanwhile', async () => {
    const { open, drop, refuse } = program();
    const api = createApi(open, NO_PAUSE);
    await api.call('system.host', {});
    expect(api.link()).toEqual({ state: 'open' });
    refuse(new Error('away'));
    drop();
    await linkState(api, 'lost');
    refuse(null);
    await linkState(api, 'open');
    expect(await api.call('system.settings', {})).toMatchObject({ importMode: 'link' });
  });

  test('a question that is asked while the connection is lost is answered when it is back', async () => {
    const { open, drop, refuse } = program();
    const api = createApi(open, NO_PAUSE);
    await api.call('system.host', {});
    refuse(new Error('away'));
    drop();
    await linkState(api, 'lost');
    const answer = api.call('system.host', {});
    refuse(null);
    expect(await answer).toMatchObject({ kind: 'serve' });
  });

  test('a question can be taken back while it waits', async () => {
    const { open, refuse } = program();
    refuse(new Error('away'));
    const api = createApi(open, NO_PAUSE);
    const leaving = new AbortController();
    const answer = api.call('system.host', {}, leaving.signal);
    leaving.abort();
    await expect(answer).rejects.toMatchObject({ code: 'request.cancelled' });
  });

  test('a stream ends with the connection, so that its listener can ask anew', async () => {
    const { open, drop } = program();
    const api = createApi(open, NO_PAUSE);
    const events = api.stream('chat.status', {})[Symbol.asyncIterator]();
    expect((await events.next()).value).toMatchObject({ state: 'ready' });
    const next = events.next();
    drop();
    await expect(next).rejects.toMatchObject({ code: 'transport.closed' });
  });

  test('does not knock again where it is not admitted, and tells every question', async () => {
    const { open, refuse, attempts } = program();
    refuse(new NotAdmitted());
    const api = createApi(open, NO_PAUSE);
    await expect(api.call('system.host', {})).rejects.toBeInstanceOf(AppError);
    expect(api.link()).toEqual({ state: 'refused', error: null });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(attempts()).toBe(1);
  });
});
