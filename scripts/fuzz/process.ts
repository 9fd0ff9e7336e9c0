import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Finding, FuzzReply, FuzzTask } from './program.ts';

/** For objects and texts of one input, which is below a mebibyte; the program itself takes about sixty. */
const HEAP_MIB = 256;
/** An input takes milliseconds; the rest is for a computer that is busy. */
const DEADLINE_MS = 20_000;
const WATCH_MS = 100;
/** Of what a process said before it died. */
const MAX_SAID = 8192;

/** How a task ended: with the last input, or at the one that ended the process. */
export type TaskEnd = { readonly endings: ReadonlyMap<string, number> } | { readonly stoppedAt: number; readonly finding: Finding };

export interface ReaderProcess {
  /** One task at a time. `found` is told of what is wrong with single inputs. */
  run(task: FuzzTask, found: (index: number, finding: Finding) => void): Promise<TaskEnd>;
  close(): Promise<void>;
}

interface Running {
  readonly child: ChildProcess;
  /** Inputs begun since the process started, and the number of the one at work. */
  readonly progress: () => readonly [begun: number, index: number];
  readonly said: () => string;
}

/**
 * A process that gives readers their inputs, and is started again after an input that ended it.
 * @param targets address of a module that exports `targets`
 */
export function readerProcess(targets: string, deadlineMs = DEADLINE_MS): ReaderProcess {
  const folder = mkdtempSync(join(tmpdir(), 'lathe-fuzz-'));
  let running: Running | undefined;

  const start = (): Running => {
    const path = join(folder, 'progress');
    closeSync(openSync(path, 'w'));
    const child = fork(fileURLToPath(new URL('./program.ts', import.meta.url)), [targets, path], {
      execArgv: [`--max-old-space-size=${HEAP_MIB}`],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
    });
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (said = `${said}${text}`.slice(0, MAX_SAID)));
    const file = openSync(path, 'r');
    child.once('close', () => closeSync(file));
    const numbers = new Int32Array(2);
    const progress = (): readonly [number, number] => {
      readSync(file, numbers, 0, numbers.byteLength, 0);
      return [numbers[0] ?? 0, numbers[1] ?? 0];
    };
    return { child, progress, said: () => said };
  };

  return {
    run: async (task, found) => {
      running ??= start();
      const { child, progress, said } = running;
      const { promise, resolve, reject } = Promise.withResolvers<TaskEnd>();
      let [begun, index] = progress();
      const before = begun;
      let sinceMs = performance.now();
      let isHanging = false;
      const watch = setInterval(() => {
        const [now, at] = progress();
        if (now !== begun) [begun, index, sinceMs] = [now, at, performance.now()];
        // Before the first input there is the process's own start, which is no reader's fault.
        else if (now > before && performance.now() - sinceMs > deadlineMs) isHanging = child.kill('SIGKILL');
      }, WATCH_MS);
      const message = (reply: FuzzReply): void => {
        if (reply.type === 'found') found(reply.index, reply.finding);
        else if (reply.type === 'broken') reject(new Error(reply.problem));
        else resolve({ endings: reply.endings });
      };
      // The file with the progress is still open when listeners of 'exit' are called.
      const exit = (code: number | null, signal: string | null): void => {
        [begun, index] = progress();
        running = undefined;
        if (begun === before) reject(new Error(`the process did not start (${code ?? signal}): ${said()}`));
        else resolve({ stoppedAt: index, finding: deathOf(isHanging ? deadlineMs : null, code ?? signal, said()) });
      };
      child.on('message', message).once('exit', exit);
      child.send(task);
      try {
        return await promise;
      } finally {
        clearInterval(watch);
        child.off('message', message).off('exit', exit);
      }
    },
    close: async () => {
      const child = running?.child;
      running = undefined;
      if (child !== undefined && child.exitCode === null && child.signalCode === null) {
        const closed = once(child, 'close');
        child.kill('SIGKILL');
        await closed;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function deathOf(deadlineMs: number | null, end: number | string | null, said: string): Finding {
  if (deadlineMs !== null) return { kind: 'hang', problem: `no end within ${deadlineMs} ms` };
  if (/heap out of memory|invalid array length/i.test(said)) return { kind: 'memory', problem: `more than ${HEAP_MIB} MiB of objects` };
  const problem = /^(?:\w*Error|.*\[\w+\]): .*$/m.exec(said)?.[0] ?? `it ended with ${end}`;
  return { kind: 'died', problem, stack: said };
}
