import { readFileSync, rmSync } from 'node:fs';
import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onDisk } from '#core/errors/on-disk.ts';
import { isConfig } from '#core/model/config.ts';
import { LOG_FILE, runWishes, SAMPLES_FILE, WISH_FILE, type RunWish } from '#core/training/run-files.ts';

/** Add a line. Throws `disk.*`. */
export const appendLine = (folder: string, file: string, line: object): Promise<void> =>
  onDisk(join(folder, file), () => appendFile(join(folder, file), `${JSON.stringify(line)}\n`));

/** Forget what a run told after the step that it goes on from: it will tell it again. */
export async function keepUntil(folder: string, step: number): Promise<void> {
  for (const file of [LOG_FILE, SAMPLES_FILE]) {
    const path = join(folder, file);
    const text = await readFile(path, 'utf8').catch(() => '');
    const kept = text.split('\n').filter((line) => (stepOf(line) ?? Infinity) <= step);
    await onDisk(path, () => writeFile(path, kept.map((line) => `${line}\n`).join('')));
  }
}

/** What another process has asked of the run meanwhile, once; null: nothing. Looked for after every step, so at once. */
export function takeWrittenWish(folder: string): RunWish | null {
  const path = join(folder, WISH_FILE);
  try {
    const text = readFileSync(path, 'utf8');
    rmSync(path);
    return runWishes.find((wish) => wish === text) ?? null;
  } catch {
    return null;
  }
}

/** Forget what was asked of a run that had ended by then. Throws `disk.*`. */
export const forgetWish = (folder: string): Promise<void> => onDisk(folder, () => rm(join(folder, WISH_FILE), { force: true }));

/** The step that a line is of; null for one that was cut off. */
function stepOf(line: string): number | null {
  try {
    const value: unknown = JSON.parse(line);
    return isConfig(value) && typeof value['step'] === 'number' ? value['step'] : null;
  } catch {
    return null;
  }
}
