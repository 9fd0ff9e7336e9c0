import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { AppError } from '#core/errors/index.ts';
import { createEngines, forkEngine, type EngineChange, type Engines, type EnginesOptions } from '#main/engines/index.ts';

const fixture = fileURLToPath(new URL('./fixture-engine.ts', import.meta.url));

interface UnderTest {
  readonly engines: Engines;
  readonly lines: string[];
  readonly changes: EngineChange[];
  /** How many processes were started. */
  starts(): number;
}

const open: Engines[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((engines) => engines.close()));
});

function engines(options: Partial<EnginesOptions> & { readonly behaviour?: string; readonly entry?: string } = {}): UnderTest {
  const lines: string[] = [];
  const changes: EngineChange[] = [];
  let starts = 0;
  const created = createEngines({
    spawn: (kind) => {
      starts += 1;
      return forkEngine(kind, {
        entry: options.entry ?? fixture,
        env: { ...process.env, LATHE_TEST_ENGINE: options.behaviour ?? 'serve' },
        printed: (line) => lines.push(`printed: ${line}`),
      });
    },
    log: (level, source, text) => lines.push(`${level} ${source}: ${text}`),
    ...options,
  });
  created.subscribe((change) => changes.push(change));
  open.push(created);
  return { engines: created, lines, changes, starts: () => starts };
}

async function errorOf(work: Promise<unknown>): Promise<AppError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 8000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it never came true');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A stream that is open: its first event has come. Resolves with the error it ends with. */
async function openHash({ engines: underTest }: UnderTest): Promise<{ readonly error: Promise<AppError> }> {
  const { tensor } = await underTest.tensor();
  const events = tensor.hash({ folder: '/', files: [] })[Symbol.asyncIterator]();
  await events.next();
  return { error: errorOf(events.next()) };
}

const pidOf = ({ engines: underTest }: UnderTest): number => underTest.processes()[0]?.pid ?? 0;
const alive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('engines', () => {
  it('start no process until one is asked for, and then one for all that ask', async () => {
    const test = engines();
    expect(test.starts()).toBe(0);
    expect(test.engines.processes()).toEqual([]);
    const [first, second] = await Promise.all([test.engines.tensor(), test.engines.tensor()]);
    expect(first).toBe(second);
    expect(await test.engines.tensor()).toBe(first);
    expect(test.starts()).toBe(1);
    await until(() => (test.engines.processes()[0]?.residentBytes ?? 0) > 10_000_000);
  });

  it('put what the engine logs, and what its libraries print, into the log', async () => {
    const test = engines();
    await test.engines.tensor();
    await until(() => test.lines.length >= 2);
    expect(test.lines).toContain('info engine.tensor: the fixture has started');
    expect(test.lines).toContain('printed: a library said something');
  });

  it.each(['SIGKILL', 'SIGSEGV', 'SIGABRT'] as const)(
    'turn an engine that dies of %s into engine.crashed, and start another',
    async (signal) => {
      const test = engines();
      const { error } = await openHash(test);
      process.kill(pidOf(test), signal);
      expect(await error).toMatchObject({ code: 'engine.crashed', params: { engine: 'tensor', reason: signal } });
      // At once, without waiting for anything.
      const { tensor } = await test.engines.tensor();
      const events = tensor.demo({ outputFolder: '/x', name: '0' })[Symbol.asyncIterator]();
      expect((await events.next()).value).toEqual({ type: 'finished', sizeBytes: 0 });
      expect(test.starts()).toBe(2);
      expect(test.changes.map(({ running, error: why }) => [running, why?.code])).toEqual([
        [true, undefined],
        [false, 'engine.crashed'],
        [true, undefined],
      ]);
    },
  );

  it('name the exit code of an engine that ends itself', async () => {
    const { engines: underTest, lines } = engines();
    const { tensor } = await underTest.tensor();
    const converting = tensor
      .quantize({ modelPath: '/x', target: 'F16', outputPath: '/y', name: 'x', options: {}, scratchFolder: '/z', threads: null })
      [Symbol.asyncIterator]();
    expect(await errorOf(converting.next())).toMatchObject({ code: 'engine.crashed', params: { reason: 'exit code 7' } });
    expect(lines.some((line) => line.startsWith('error engine.tensor: The tensor engine stopped unexpectedly'))).toBe(true);
  });

  it('keep the stack of an uncaught exception in the log', async () => {
    const test = engines();
    const { tensor } = await test.engines.tensor();
    const events = tensor.perplexity({ modelPath: '/x', textPath: '/y', contextLength: 8, threads: null })[Symbol.asyncIterator]();
    expect((await errorOf(events.next())).code).toBe('engine.crashed');
    await until(() => test.lines.some((line) => line.includes('nobody catches this')));
  });

  it('kill an engine that hangs, and say so', async () => {
    const test = engines({ pingIntervalMs: 50, pingTimeoutMs: 400 });
    const { error } = await openHash(test);
    const pid = pidOf(test);
    process.kill(pid, 'SIGSTOP');
    expect(await error).toMatchObject({ code: 'engine.hung', params: { engine: 'tensor', waitedMs: 400 } });
    await until(() => !alive(pid));
    await test.engines.tensor();
    expect(test.starts()).toBe(2);
  });

  it('leave an engine alone that is busy for a while', async () => {
    const test = engines({ pingIntervalMs: 30, pingTimeoutMs: 2000 });
    const { tensor } = await test.engines.tensor();
    const events = tensor.demo({ outputFolder: '/x', name: '600' })[Symbol.asyncIterator]();
    expect((await events.next()).value).toEqual({ type: 'finished', sizeBytes: 0 });
    expect(test.starts()).toBe(1);
  });

  it('give up for a while after three crashes within a minute', async () => {
    let nowMs = 1000;
    const test = engines({ behaviour: 'exit', nowMs: () => nowMs });
    for (let crash = 0; crash < 3; crash += 1) {
      expect(await errorOf(test.engines.tensor())).toMatchObject({ code: 'engine.crashed', params: { reason: 'exit code 3' } });
      // The crash is counted when the process is gone.
      await until(() => test.changes.filter(({ running }) => !running).length > crash);
      nowMs += 1000;
    }
    const refusal = await errorOf(test.engines.tensor());
    expect(refusal).toMatchObject({ code: 'engine.unstable', params: { crashes: 3, retryMs: 57_000 } });
    expect(test.starts()).toBe(3);
    nowMs += 57_000;
    expect((await errorOf(test.engines.tensor())).code).toBe('engine.crashed');
    expect(test.starts()).toBe(4);
  });

  it('do not wait for ever for an engine that does not greet', async () => {
    const test = engines({ behaviour: 'silent', handshakeTimeoutMs: 300 });
    expect(await errorOf(test.engines.tensor())).toMatchObject({ code: 'engine.startTimeout', params: { limitMs: 300 } });
  });

  it('kill an engine that does not speak the protocol', async () => {
    const test = engines({ behaviour: 'garbage' });
    const starting = test.engines.tensor();
    const pid = pidOf(test);
    expect((await errorOf(starting)).code).toBe('reply.invalid');
    await until(() => !alive(pid));
  });

  it('say that a program which is not there could not be started', async () => {
    const test = engines({ entry: '/nowhere/engine.js' });
    expect((await errorOf(test.engines.tensor())).code).toMatch(/^engine\.(crashed|startFailed)$/);
    const failing = createEngines({
      spawn: () => {
        throw new Error('no more processes');
      },
      log: () => undefined,
    });
    expect(await errorOf(failing.tensor())).toMatchObject({ code: 'engine.startFailed', params: { problem: 'no more processes' } });
  });

  it('stop an idle tensor engine, but none with work', async () => {
    const test = engines({ pingIntervalMs: 30, tensorIdleMs: 300 });
    const { error } = await openHash(test);
    const pid = pidOf(test);
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(alive(pid)).toBe(true);
    process.kill(pid, 'SIGKILL');
    await error;
    await test.engines.tensor();
    const second = pidOf(test);
    expect(second).not.toBe(pid);
    await until(() => !alive(second));
    expect(test.changes.at(-1)).toEqual({ kind: 'tensor', running: false, error: undefined });
    await test.engines.tensor();
    expect(test.starts()).toBe(3);
  });

  it('end what is open with engine.stopped on a restart, and start anew', async () => {
    const test = engines();
    const { error } = await openHash(test);
    const pid = pidOf(test);
    await test.engines.restart('tensor');
    expect(await error).toMatchObject({ code: 'engine.stopped' });
    expect(alive(pid)).toBe(false);
    await test.engines.tensor();
    expect(test.starts()).toBe(2);
  });

  it('hand out the next engine, not the ending one, while a restart is under way', async () => {
    const test = engines();
    await test.engines.tensor();
    const restarting = test.engines.restart('tensor');
    const { health } = await test.engines.tensor();
    expect((await health.ping({})).residentBytes).toBeGreaterThan(0);
    await restarting;
    expect(test.starts()).toBe(2);
  });

  it('kill an engine that does not go when it is asked', async () => {
    const test = engines({ behaviour: 'lingering' });
    await test.engines.tensor();
    const pid = pidOf(test);
    await test.engines.close();
    expect(alive(pid)).toBe(false);
  });

  it('do not outlive a main process that is killed', async () => {
    const parent = spawn(process.execPath, [fileURLToPath(new URL('./parent.ts', import.meta.url)), fixture], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    expect(alive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await until(() => !alive(pid));
  });

  it('start none after closing', async () => {
    const test = engines();
    await test.engines.tensor();
    await test.engines.close();
    expect((await errorOf(test.engines.tensor())).code).toBe('engine.stopped');
    expect(test.starts()).toBe(1);
  });
});
