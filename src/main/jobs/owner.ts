import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { JobOwner } from '../db/jobs.ts';

const run = promisify(execFile);

/** Asking the system about a process takes a moment on some; it must not hold up the start. */
const ASK_TIMEOUT_MS = 10_000;

/**
 * When a process started, in whatever words the system has for it: two answers are equal only for the same process, also
 * after its number was given to another one. Null where the system does not say.
 */
export async function processStart(pid: number): Promise<string | null> {
  try {
    switch (process.platform) {
      case 'linux':
        return await linuxStart(pid);
      case 'win32': {
        const script = `(Get-Process -Id ${pid}).StartTime.ToFileTimeUtc()`;
        const { stdout } = await run('powershell.exe', ['-NoProfile', '-NonInteractive', '-Command', script], {
          timeout: ASK_TIMEOUT_MS,
          windowsHide: true,
        });
        return stdout.trim() || null;
      }
      default: {
        const { stdout } = await run('ps', ['-o', 'lstart=', '-p', String(pid)], {
          timeout: ASK_TIMEOUT_MS,
          env: { ...process.env, LC_ALL: 'C' },
        });
        return stdout.trim() || null;
      }
    }
  } catch {
    return null;
  }
}

/** Field 22 of /proc/PID/stat, in ticks since the machine started, and which start of the machine that was (proc(5)). */
async function linuxStart(pid: number): Promise<string | null> {
  const [stat, boot] = await Promise.all([readFile(`/proc/${pid}/stat`, 'latin1'), readFile('/proc/sys/kernel/random/boot_id', 'latin1')]);
  // The second field, the program's name in brackets, may hold spaces and brackets.
  const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return ticks === undefined ? null : `${boot.trim()} ${ticks}`;
}

/** Whether the process that a job belongs to still runs. In doubt it does: a living job is never taken for a dead one. */
export async function isAlive({ pid, started }: JobOwner): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Not allowed to signal it: it is there.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  if (started === null) return true;
  const now = await processStart(pid);
  return now === null || now === started;
}
