import { open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { checkpointName, checkpointStep } from '#core/training/run-files.ts';
import type { WatchState } from '#core/training/watch.ts';
import { partialPath, syncFolder } from '../output-file.ts';
import type { TrainerState } from '../native-train.ts';
import { bytesOf } from '../quantize/views.ts';

/**
 * A run at the end of a step, as a file: `LATHECKP`, the length of what follows as JSON (32 bits, little-endian), the JSON, filled with
 * spaces to a multiple of 8 bytes, then parameters, first and second moments in float32. It appears under its name when it is on the disk.
 */
export interface Checkpoint {
  readonly progress: RunProgress;
  readonly trainer: TrainerState;
}

/** All that the next step depends on beside the trainer's state; data and random numbers follow from seed and step. */
export interface RunProgress {
  /** Optimizer steps that are done. */
  readonly step: number;
  readonly tokens: number;
  readonly watch: WatchState;
  /** Sums since the last entry of the log. */
  readonly sums: LogSums;
}

export interface LogSums {
  readonly steps: number;
  readonly loss: number;
  readonly weight: number;
  readonly trained: number;
  readonly correct: number;
  readonly entropy: number;
}

export const noSums: LogSums = { steps: 0, loss: 0, weight: 0, trained: 0, correct: 0, entropy: 0 };

const MAGIC = 'LATHECKP';
const HEAD_BYTES = MAGIC.length + 4;
const VERSION = 1;
/** The JSON holds a few dozen numbers and the names of what was trained. */
const MAX_JSON_BYTES = 64 * 1024 * 1024;

/** Write a checkpoint, atomically. @returns its size. Throws `disk.*`. */
export async function writeCheckpoint(folder: string, fingerprint: string, { progress, trainer }: Checkpoint): Promise<number> {
  const { updates, parameters, firstMoments, secondMoments } = trainer;
  const text = JSON.stringify({ version: VERSION, fingerprint, progress, updates, size: parameters.length });
  const json = new TextEncoder().encode(text.padEnd(text.length + ((8 - ((HEAD_BYTES + text.length) % 8)) % 8)));
  const head = new Uint8Array(HEAD_BYTES);
  head.set(new TextEncoder().encode(MAGIC));
  new DataView(head.buffer).setUint32(MAGIC.length, json.length, true);
  const path = join(folder, checkpointName(progress.step));
  const partial = partialPath(path);
  return onDisk(path, async () => {
    let at = 0;
    try {
      await using handle = await open(partial, 'w');
      for (const part of [head, json, ...[parameters, firstMoments, secondMoments].map(bytesOf)]) {
        for (let done = 0; done < part.length;) done += (await handle.write(part, done, part.length - done, at + done)).bytesWritten;
        at += part.length;
      }
      await handle.sync();
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
    await rename(partial, path);
    await syncFolder(folder);
    return at;
  });
}

/** Read a checkpoint back. Throws `train.badCheckpoint`, `train.settingsChanged`, `disk.*`. */
export async function readCheckpoint(folder: string, step: number, fingerprint: string): Promise<Checkpoint> {
  const file = checkpointName(step);
  const bad = (problem: string): AppError => new AppError('train.badCheckpoint', { file, problem });
  const bytes = await onDisk(join(folder, file), () => readFile(join(folder, file)));
  if (bytes.length < HEAD_BYTES || bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) throw bad('it does not begin as one');
  const jsonBytes = bytes.readUInt32LE(MAGIC.length);
  if (jsonBytes > MAX_JSON_BYTES || HEAD_BYTES + jsonBytes > bytes.length) throw bad('it is cut off');
  const head = parse(bytes.toString('utf8', HEAD_BYTES, HEAD_BYTES + jsonBytes));
  if (head === null || head.version !== VERSION) throw bad('its head cannot be read');
  if (head.fingerprint !== fingerprint) throw new AppError('train.settingsChanged', { file });
  const dataOffset = HEAD_BYTES + jsonBytes;
  if (bytes.length !== dataOffset + 3 * 4 * head.size) throw bad(`it has ${bytes.length} bytes`);
  const part = (index: number): Float32Array => {
    const from = dataOffset + index * 4 * head.size;
    // A copy: floats begin at a multiple of four.
    return new Float32Array(new Uint8Array(bytes.subarray(from, from + 4 * head.size)).buffer);
  };
  const [parameters, firstMoments, secondMoments] = [part(0), part(1), part(2)];
  return { progress: head.progress, trainer: { parameters, firstMoments, secondMoments, updates: head.updates } };
}

interface Head {
  readonly version: number;
  readonly fingerprint: string;
  readonly progress: RunProgress;
  readonly updates: number;
  readonly size: number;
}

function parse(text: string): Head | null {
  try {
    const head = JSON.parse(text) as Partial<Head>;
    const isWhole = Number.isSafeInteger(head.size) && Number.isSafeInteger(head.updates) && Number.isSafeInteger(head.progress?.step);
    return isWhole ? (head as Head) : null;
  } catch {
    return null;
  }
}

export interface SavedCheckpoint {
  readonly step: number;
  readonly sizeBytes: number;
  readonly savedMs: number;
}

/** What is in a run's folder, oldest first; unfinished ones are not. */
export async function listCheckpoints(folder: string): Promise<SavedCheckpoint[]> {
  const names = await readdir(folder).catch(() => []);
  const found: SavedCheckpoint[] = [];
  for (const name of names) {
    const step = checkpointStep(name);
    if (step === null) continue;
    const { size, mtimeMs } = await stat(join(folder, name));
    found.push({ step, sizeBytes: size, savedMs: Math.floor(mtimeMs) });
  }
  return found.toSorted((a, b) => a.step - b.step);
}

/** Remove all but the last `kept` ones, and those that may be gone back to. */
export async function pruneCheckpoints(folder: string, kept: number, guarded: readonly (number | null)[]): Promise<void> {
  const steps = (await listCheckpoints(folder)).map(({ step }) => step);
  for (const step of steps.slice(0, Math.max(0, steps.length - kept)))
    if (!guarded.includes(step)) await rm(join(folder, checkpointName(step)), { force: true });
}
