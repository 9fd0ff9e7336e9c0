import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** What a measurement took of the computer, beside time. */
export interface Taken {
  /** Most memory of this process beyond what it had at the beginning. */
  readonly peakMemoryBytes: number;
  /** Likewise of the graphics cards; null where there is none. */
  readonly peakVramBytes: number | null;
  /** Share of all cores that other programs took; null where it was over too soon to tell. */
  readonly backgroundLoad: number | null;
}

/** How often memory is looked at where the system does not keep the peak itself. */
const LOOK_EVERY_MS = 100;

/** The system counts processor time in hundredths of a second: what is shorter tells nothing. */
const LEAST_MS = 500;

/**
 * Begin to measure what this process takes.
 * @param usedVramBytes of all graphics cards, at the moment; null where there is none
 */
export function startMeters(usedVramBytes: () => number | null): () => Taken {
  const beforeBytes = process.memoryUsage.rss();
  const vramBefore = usedVramBytes();
  let [most, vramMost] = [beforeBytes, vramBefore ?? 0];
  const isKept = forgetPeak();
  const look = (): void => {
    most = Math.max(most, process.memoryUsage.rss());
    vramMost = Math.max(vramMost, usedVramBytes() ?? 0);
  };
  const timer = isKept && vramBefore === null ? undefined : setInterval(look, LOOK_EVERY_MS);
  const [coresBefore, ownBefore] = [coreTimes(), process.cpuUsage()];
  return () => {
    clearInterval(timer);
    look();
    if (isKept) most = Math.max(most, keptPeak() ?? 0);
    const [cores, own] = [coreTimes(), process.cpuUsage(ownBefore)];
    const totalMs = cores.totalMs - coresBefore.totalMs;
    const othersMs = cores.busyMs - coresBefore.busyMs - (own.user + own.system) / 1000;
    return {
      peakMemoryBytes: most - beforeBytes,
      peakVramBytes: vramBefore === null ? null : vramMost - vramBefore,
      backgroundLoad: totalMs < LEAST_MS * cores.count ? null : Math.min(1, Math.max(0, othersMs / totalMs)),
    };
  };
}

/** Linux keeps a process's peak, and forgets it on demand (proc(5), clear_refs). Returns whether it does. */
function forgetPeak(): boolean {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
    return keptPeak() !== null;
  } catch {
    return false;
  }
}

function keptPeak(): number | null {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
  return kibibytes === undefined ? null : Number(kibibytes) * 1024;
}

function coreTimes(): { readonly count: number; readonly busyMs: number; readonly totalMs: number } {
  const cores = cpus();
  let [busyMs, totalMs] = [0, 0];
  for (const { times } of cores) {
    const all = times.user + times.nice + times.sys + times.irq + times.idle;
    totalMs += all;
    busyMs += all - times.idle;
  }
  return { count: cores.length, busyMs, totalMs };
}
