import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export interface DiskCase {
  readonly name: string;
  readonly problems: readonly string[];
}

/** Whether this system lets a program have disks of its own. Linux does, where it has user namespaces. */
export const canMount = (): boolean =>
  process.platform === 'linux' && spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()]).status === 0;

/** What full, read-only and vanished disks do. Call only where `canMount`. */
export async function diskCases(): Promise<DiskCase[]> {
  const folder = await mkdtemp(join(tmpdir(), 'lathe-disks-'));
  const program = fileURLToPath(new URL('./disk-program.ts', import.meta.url));
  const { stdout } = await promisify(execFile)('unshare', ['-rm', process.execPath, program, folder], { maxBuffer: 2 ** 24 });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as DiskCase);
}
