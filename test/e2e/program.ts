import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** The built program, used as a user's shell does. The build must be fresh: `npm test` sees to that. */

const bootstrap = fileURLToPath(new URL('../../scripts/bootstrap.mjs', import.meta.url));

/** An empty data folder, removed after the test (or the file's tests, where `keep` says so). */
export async function emptyHome(afterwards: (remove: () => Promise<void>) => void = onTestFinished): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'lathe home '));
  afterwards(() => rm(home, { recursive: true, force: true }));
  return home;
}

/** No test may find the data folder, or the window system, of whoever runs it. */
const environment = (home: string): NodeJS.ProcessEnv => ({ ...process.env, LATHE_HOME: home, DISPLAY: '', WAYLAND_DISPLAY: '' });

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Run a command to its end: `npm run --silent lathe -- ARGS`, without npm. */
export function lathe(
  home: string,
  args: readonly string[],
  options: { cwd?: string; interruptAfterMs?: number; closeOutput?: boolean } = {},
): Promise<Ran> {
  const child = spawn(process.execPath, [bootstrap, 'lathe', ...args], {
    env: environment(home),
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: options.cwd,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  if (options.closeOutput === true) child.stdout.destroy();
  if (options.interruptAfterMs !== undefined) setTimeout(() => child.kill('SIGINT'), options.interruptAfterMs);
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

/** A command that must succeed; its `--json` answer. */
export async function latheJson(home: string, args: readonly string[], cwd?: string): Promise<unknown> {
  const { code, stdout, stderr } = await lathe(home, [...args, '--json'], cwd === undefined ? {} : { cwd });
  if (code !== 0) throw new Error(`lathe ${args.join(' ')} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout);
}

export interface Serving {
  /** With the token. */
  readonly address: string;
  /** Everything that was printed so far. */
  output(): Ran;
  /** Ask it to end; resolves with what it printed and its exit code. */
  stop(signal?: NodeJS.Signals): Promise<Ran>;
}

/** `npm start` where there is no display. It is ended after the test. */
export async function startServing(
  home: string,
  args: readonly string[] = [],
  afterwards: (stop: () => Promise<void>) => void = onTestFinished,
): Promise<Serving> {
  const child = spawn(process.execPath, [bootstrap, 'start', ...args], { env: environment(home), stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  let code: number | null = null;
  const ended = new Promise<void>((resolve) => {
    child.on('close', (status) => {
      code = status;
      resolve();
    });
  });
  const output = (): Ran => ({ code, stdout, stderr });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const address = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      const found = /http:\/\/\S+/.exec(stdout)?.[0];
      if (found !== undefined) resolve(found);
    });
    child.on('close', () => reject(new Error(`the server ended with ${code}: ${stdout}${stderr}`)));
  });
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<Ran> => {
    child.kill(signal);
    await ended;
    return output();
  };
  afterwards(async () => void (await stop()));
  return { address, output, stop };
}
