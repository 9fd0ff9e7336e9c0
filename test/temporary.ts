import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Every temporary folder of a run lies in one, which goes when the run ends, however many tests forgot theirs. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'lathe-test-'));
  const variable = process.platform === 'win32' ? 'TEMP' : 'TMPDIR';
  process.env[variable] = folder;
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
