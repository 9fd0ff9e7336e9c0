// @ts-check
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { childEnvironment, root } from './paths.mjs';

/**
 * @typedef {object} Outcome
 * @property {number} code exit code; 128 + the signal's number when a signal ended it, as shells count
 * @property {string} output stdout and stderr together, empty when they were passed through
 * @property {number} durationMs
 */

/**
 * Run a command to its end and keep what it prints.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, shell?: boolean, timeoutMs?: number, env?: Record<string, string> }} [options]
 * @returns {Promise<Outcome>}
 */
export function runQuietly(command, args, options = {}) {
  const startedMs = Date.now();
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? root,
      env: { ...childEnvironment(), ...options.env },
      shell: options.shell ?? false,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code: exitCode(code, signal), output, durationMs: Date.now() - startedMs }));
  });
}

/**
 * Become a command, as far as one process can: its streams are ours, our signals are its signals, its end is ours.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: Record<string, string> }} [options]
 * @returns {Promise<Outcome>}
 */
export function runInPlace(command, args, options = {}) {
  const startedMs = Date.now();
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? process.cwd(),
      env: { ...childEnvironment(), ...options.env },
      stdio: 'inherit',
    });
    /** @type {NodeJS.Signals[]} */
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    /** @param {NodeJS.Signals} signal */
    const forward = (signal) => child.kill(signal);
    for (const signal of signals) process.on(signal, forward);
    const orphaned = whenOrphaned(() => forward('SIGTERM'));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      for (const name of signals) process.off(name, forward);
      clearInterval(orphaned);
      resolve({ code: exitCode(code, signal), output: '', durationMs: Date.now() - startedMs });
    });
  });
}

/** How soon the end of npm is noticed. */
const PARENT_POLL_MS = 500;

/**
 * npm runs a script in a shell. When npm is told to end, it tells the shell, and the shell ends without telling anybody:
 * what it started would run on, unseen. Started by hand there is no npm, and to outlive a shell is what was wanted.
 * @param {() => void} then
 */
function whenOrphaned(then) {
  if (process.env['npm_lifecycle_event'] === undefined) return undefined;
  const parent = process.ppid;
  return setInterval(() => {
    if (process.ppid !== parent) then();
  }, PARENT_POLL_MS).unref();
}

/**
 * @param {number | null} code
 * @param {NodeJS.Signals | null} signal
 */
const exitCode = (code, signal) => code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
