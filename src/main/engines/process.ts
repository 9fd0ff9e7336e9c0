import { fork, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { EngineKind } from '#contract/engine.ts';
import type { Port } from '#contract/wire.ts';
import { childProcessPort } from '../ports.ts';

/** How a process ended: by itself with a code, or by a signal. Both null when it could not be started at all. */
export interface EngineExit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** An engine's process as the rest of main sees it, whether Node or Electron started it. */
export interface EngineProcess {
  readonly port: Port;
  readonly pid: number | undefined;
  /** End it at once, without asking. */
  kill(): void;
  /** Never rejects. */
  readonly exited: Promise<EngineExit>;
}

export interface ForkOptions {
  /** The engine's program: `src/engine/index.ts`, or what was bundled from it. */
  readonly entry: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Gets each line that the engine, or a library in it, prints. */
  readonly printed?: (line: string) => void;
}

/** Start an engine as a child process of Node. */
export function forkEngine(kind: EngineKind, { entry, env = process.env, printed }: ForkOptions): EngineProcess {
  // Not the flags of this process: a debugger's port or a test runner's loader would be taken twice.
  const child = fork(entry, [kind], { execArgv: [], env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  for (const output of [child.stdout, child.stderr]) if (output !== null) readLines(output, printed);
  return { port: childProcessPort(child), pid: child.pid, kill: () => void child.kill('SIGKILL'), exited: exitOf(child) };
}

function exitOf(child: ChildProcess): Promise<EngineExit> {
  return new Promise((resolve) => {
    child.on('exit', (code, signal) => resolve({ code, signal }));
    child.on('error', () => {
      if (child.pid === undefined) resolve({ code: null, signal: null });
    });
  });
}

/** The pipe is read to its end also when nobody wants the lines: a full pipe would block the engine. */
export function readLines(output: Readable, printed: ((line: string) => void) | undefined): void {
  createInterface({ input: output }).on('line', (line) => {
    if (line.trim() !== '') printed?.(line);
  });
}
