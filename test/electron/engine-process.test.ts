import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { startUtilityEngine, type UtilityEngineOptions } from '#main/electron/engine-process.ts';

/** Behaves as Electron's utility process: a pid only between `spawn` and `exit`, messages kept until then. */
class FakeChild extends EventEmitter {
  pid: number | undefined;
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly sent: string[] = [];
  postMessage(message: string): void {
    this.sent.push(message);
  }
  kill(): boolean {
    return this.pid !== undefined;
  }
  started(): void {
    this.pid = 42;
    this.emit('spawn');
  }
  ended(status: number): void {
    this.emit('exit', status);
    this.pid = undefined;
  }
}

function start(options: Partial<UtilityEngineOptions> = {}) {
  const child = new FakeChild();
  const forked: unknown[][] = [];
  const killed: number[] = [];
  const engine = startUtilityEngine('tensor', {
    entry: '/app/engine.js',
    processes: { fork: (...args) => (forked.push(args), child) },
    killProcess: (pid) => killed.push(pid),
    ...options,
  });
  return { engine, child, forked, killed };
}

describe('an engine as a utility process', () => {
  test('is started with its kind as the argument, and without the flags of main', () => {
    const { forked } = start();
    expect(forked).toEqual([
      ['/app/engine.js', ['tensor'], { serviceName: 'Lathe tensor', stdio: ['ignore', 'pipe', 'pipe'], execArgv: [] }],
    ]);
  });

  test('gets what is sent before it has started', () => {
    const { engine, child } = start();
    engine.port.send('hello');
    expect(child.sent).toEqual(['hello']);
  });

  test('shows its pid while it runs', () => {
    const { engine, child } = start();
    expect(engine.pid).toBeUndefined();
    child.started();
    expect(engine.pid).toBe(42);
  });

  test('is ended by force, also when that was asked before it had started', () => {
    const { engine, child, killed } = start();
    engine.kill();
    expect(killed).toEqual([]);
    child.started();
    expect(killed).toEqual([42]);
    engine.kill();
    expect(killed).toEqual([42, 42]);
  });

  test.each([
    [0, { code: 0, signal: null }],
    [1, { code: 1, signal: null }],
    [9, { code: null, signal: 'SIGKILL' }],
    [11, { code: null, signal: 'SIGSEGV' }],
    [139, { code: null, signal: 'SIGSEGV' }],
    [134, { code: null, signal: 'SIGABRT' }],
  ])('an end with status %i is told as %j', async (status, exit) => {
    const { engine, child } = start();
    child.started();
    child.ended(status);
    expect(await engine.exited).toEqual(exit);
  });

  test('its printed lines are handed on', async () => {
    const lines: string[] = [];
    const { child } = start({ printed: (line) => lines.push(line) });
    child.stdout.write('one\ntwo\n\n');
    child.stderr.write('three\n');
    await expect.poll(() => lines.toSorted()).toEqual(['one', 'three', 'two']);
  });
});
