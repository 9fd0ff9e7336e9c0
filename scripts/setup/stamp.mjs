// @ts-check
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What a step was last done for. A stamp lies inside the folder that the step made, so that it goes when that folder goes. */

/**
 * @param {string} file
 * @returns {Record<string, string | number>} empty when there is none, or it cannot be read
 */
export function readStamp(file) {
  try {
    const value = JSON.parse(readFileSync(file, 'utf8'));
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

/**
 * Change some fields of a stamp, and keep the others.
 * @param {string} file
 * @param {Record<string, string | number>} fields
 */
export function writeStamp(file, fields) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify({ ...readStamp(file), ...fields }));
}

/** @param {string} file */
export const contentHash = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');

/**
 * One hash over names, sizes and times of change of all files below the given paths: milliseconds for hundreds of files,
 * where reading them would take ten times that.
 * @param {string[]} paths files or folders
 */
export function treeHash(paths) {
  const hash = createHash('sha256');
  /** @param {string} path */
  const add = (path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return;
    if (stat.isDirectory()) {
      for (const name of readdirSync(path).sort()) add(join(path, name));
      return;
    }
    hash.update(`${path}\0${stat.size}\0${stat.mtimeMs}\n`);
  };
  for (const path of paths) add(path);
  return hash.digest('hex');
}

/** How often a waiting builder looks whether the other one has finished. */
const LOCK_POLL_MS = 200;
const JUST_COME_MS = 5000;

/**
 * Run a step that only one process at a time may do. The lock is a file that names its holder: one that died holds nothing.
 * @template T
 * @param {string} file
 * @param {() => Promise<T>} step
 * @returns {Promise<T>}
 */
export async function exclusively(file, step) {
  mkdirSync(dirname(file), { recursive: true });
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
      if (!isAlive(file)) rmSync(file, { force: true });
      else await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
    }
  }
  try {
    return await step();
  } finally {
    rmSync(file, { force: true });
  }
}

/** @param {string} file */
function isAlive(file) {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    // The other process makes the file and then writes into it: an empty one is of a holder that has just come.
    if (pid === 0) return Date.now() - statSync(file).mtimeMs < JUST_COME_MS;
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}
