import { open, readFile, type FileHandle } from 'node:fs/promises';
import { isConfig, type Config } from '#core/model/config.ts';
import type { ErrorSum } from '../native-quantize.ts';

/**
 * What was finished of an output, so that a work killed at any instant goes on where it was: one JSON object in each line,
 * first the plan that the output belongs to, then each tensor, written after the tensor's bytes have reached the disk.
 */

/** A tensor that is finished, and what was met on the way. */
export interface FinishedTensor {
  readonly tensor: string;
  /** Null where the tensor was not measured. */
  readonly error: ErrorSum | null;
  readonly nonFinite: number;
  readonly overflowed: number;
  /** GPTQ could not use its calibration. */
  readonly fellBack: boolean;
}

const VERSION = 1;

export const journalPath = (partial: string): string => `${partial}.journal`;

export class Journal {
  private readonly handle: FileHandle;
  private constructor(handle: FileHandle) {
    this.handle = handle;
  }

  /** A new journal for a plan. */
  static async create(path: string, plan: string): Promise<Journal> {
    const journal = new Journal(await open(path, 'w'));
    await journal.append([{ version: VERSION, plan }]);
    return journal;
  }

  /** The journal of this very plan, with what is finished; null where there is none. A line that was cut off counts for nothing. */
  static async resume(
    path: string,
    plan: string,
  ): Promise<{ readonly journal: Journal; readonly finished: readonly FinishedTensor[] } | null> {
    const text = await readFile(path, 'utf8').catch(() => '');
    const [first = '', ...lines] = text.split('\n');
    const head = parse(first);
    if (head?.['version'] !== VERSION || head['plan'] !== plan) return null;
    const finished: FinishedTensor[] = [];
    let length = Buffer.byteLength(first) + 1;
    // What follows the last line break was not written to its end.
    for (const line of lines.slice(0, -1)) {
      const entry = finishedTensor(parse(line));
      if (entry === undefined) break;
      finished.push(entry);
      length += Buffer.byteLength(line) + 1;
    }
    const handle = await open(path, 'r+');
    await handle.truncate(length);
    await handle.close();
    return { journal: new Journal(await open(path, 'a')), finished };
  }

  async append(entries: readonly object[]): Promise<void> {
    await this.handle.appendFile(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    await this.handle.datasync();
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

function parse(line: string): Config | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isConfig(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The file lies beside the output, where anyone can write: what is not right counts as not finished. */
function finishedTensor(entry: Config | undefined): FinishedTensor | undefined {
  if (entry === undefined) return undefined;
  const { tensor, error, nonFinite, overflowed, fellBack } = entry;
  if (typeof tensor !== 'string' || typeof nonFinite !== 'number' || typeof overflowed !== 'number' || typeof fellBack !== 'boolean')
    return undefined;
  if (error === null) return { tensor, error, nonFinite, overflowed, fellBack };
  if (!isConfig(error) || typeof error['error'] !== 'number' || typeof error['norm'] !== 'number') return undefined;
  return { tensor, error: { error: error['error'], norm: error['norm'] }, nonFinite, overflowed, fellBack };
}
