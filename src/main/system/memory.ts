import { execFile } from 'node:child_process';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { promisify } from 'node:util';
import type { z } from 'zod';
import type { memorySample } from '#contract/system.ts';
import type { Engines } from '../engines/index.ts';

export type MemorySample = z.output<typeof memorySample>;

const run = promisify(execFile);

/** Often enough to watch a model load. */
export const SAMPLE_EVERY_MS = 2000;

/**
 * Bytes that programs could still take on macOS: pages that are free, and those that hold nothing but caches (vm_stat(1)).
 * @param report what vm_stat prints
 */
export function availableFromVmStat(report: string): number | null {
  const pageBytes = Number(/page size of (\d+) bytes/.exec(report)?.[1]);
  const pages = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)\\.`, 'm').exec(report)?.[1]);
  const available = (pages('Pages free') + pages('Pages inactive') + pages('Pages speculative') + pages('Pages purgeable')) * pageBytes;
  return Number.isFinite(available) ? available : null;
}

/** What programs can still take of this computer's memory. */
export async function availableBytes(): Promise<number> {
  if (process.platform === 'darwin') {
    try {
      const { stdout } = await run('vm_stat', { timeout: SAMPLE_EVERY_MS });
      return availableFromVmStat(stdout) ?? freemem();
    } catch {
      return freemem();
    }
  }
  // libuv: MemAvailable on Linux, or what is left of a container's limit; what is free or cached on Windows.
  return process.availableMemory();
}

/** What tells this computer from another one that a data folder may be carried to. */
export const computerName = (): string => `${cpus()[0]?.model.trim() ?? process.arch} ${totalmem()}`;

/** Memory as it is now. In a container its limit counts as the whole. */
export async function sampleMemory(engines: Pick<Engines, 'processes'>, clock: () => number): Promise<MemorySample> {
  const limit = process.constrainedMemory();
  const totalBytes = limit > 0 && limit < totalmem() ? limit : totalmem();
  const ownBytes = engines.processes().reduce((sum, { residentBytes }) => sum + (residentBytes ?? 0), process.memoryUsage.rss());
  return {
    timeMs: clock(),
    totalBytes,
    availableBytes: Math.min(totalBytes, Math.max(0, Math.round(await availableBytes()))),
    ownBytes,
    cores: availableParallelism(),
  };
}
