import { readFile } from 'node:fs/promises';

/**
 * The most memory that this process has had resident. Linux counts it from the program's start in /proc; what it tells
 * through getrusage begins with the process that started this one.
 */
export async function peakBytes(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? process.resourceUsage().maxRSS;
  return Number(kilobytes) * 1024;
}
