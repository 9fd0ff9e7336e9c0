import type { Readable } from 'node:stream';
import type { EngineKind } from '#contract/engine.ts';
import { readLines, type EngineExit, type EngineProcess } from '../engines/process.ts';
import { utilityProcessPort, type ElectronUtilityProcess } from '../ports.ts';

/** The part of Electron's `UtilityProcess` that an engine needs. Its pid is undefined until it has started, and after its end. */
interface EngineChild extends ElectronUtilityProcess {
  readonly stdout: unknown;
  readonly stderr: unknown;
  on(event: 'spawn', listener: () => void): unknown;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'exit', listener: (code: number) => void): unknown;
}

/** Electron's `utilityProcess`. */
export interface UtilityProcesses {
  fork(entry: string, args: string[], options: { serviceName: string; stdio: ('ignore' | 'pipe')[]; execArgv: string[] }): EngineChild;
}

export interface UtilityEngineOptions {
  /** The bundled engine. */
  readonly entry: string;
  readonly processes: UtilityProcesses;
  /** Ends a process by force: Electron's own `kill` is a request that a busy process does not hear. */
  readonly killProcess: (pid: number) => void;
  readonly printed?: (line: string) => void;
}

/** Start an engine as a utility process: the system's list of processes shows it by its name, and it ends with the app. */
export function startUtilityEngine(kind: EngineKind, { entry, processes, killProcess, printed }: UtilityEngineOptions): EngineProcess {
  const child = processes.fork(entry, [kind], { serviceName: `Lathe ${kind}`, stdio: ['ignore', 'pipe', 'pipe'], execArgv: [] });
  for (const output of [child.stdout, child.stderr]) if (output !== null) readLines(output as Readable, printed);
  let isCondemned = false;
  const kill = (): void => {
    isCondemned = true;
    if (child.pid !== undefined) killProcess(child.pid);
  };
  child.on('spawn', () => {
    if (isCondemned) kill();
  });
  const exited = new Promise<EngineExit>((resolve) => {
    child.on('exit', (status) => resolve(exitOf(status)));
  });
  return {
    port: utilityProcessPort(child),
    get pid() {
      return child.pid;
    },
    kill,
    exited,
  };
}

/** How a process of native code usually ends, by signal number: POSIX, and signal(7) for SIGBUS on Linux. */
const SIGNALS: Readonly<Record<number, string>> = {
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  15: 'SIGTERM',
};
const CORE_DUMPED = 0x80;

/**
 * Electron reports one number: of a process that exits, its code; of one that the system ended, what waitpid(2) gives on
 * POSIX, which is the signal's number, and 128 more where a core was written. An engine itself exits only with 0 or 1.
 */
function exitOf(status: number): EngineExit {
  const signal = process.platform === 'win32' ? undefined : SIGNALS[status & ~CORE_DUMPED];
  return signal === undefined ? { code: status, signal: null } : { code: null, signal };
}
