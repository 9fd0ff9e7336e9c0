// @ts-check
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { runQuietly } from './child.mjs';
import { hasPinnedNode, modules, root, say, SetupError } from './paths.mjs';
import { contentHash, readStamp, writeStamp } from './stamp.mjs';

const lockFile = join(root, 'package-lock.json');
/** npm writes this when an installation is complete: its age tells an install by hand from one that was broken off. */
const installedLock = join(modules, '.package-lock.json');
export const modulesStamp = join(modules, '.lathe-stamp');

/** Install the locked dependencies, unless they are installed. */
export async function ensureDependencies() {
  if (isFresh()) return;
  say('Installing dependencies (once, a minute or two)…');
  const npm = process.env['npm_execpath'];
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const isScript = npm !== undefined && /\.c?js$/.test(npm);
  const outcome = isScript
    ? await runQuietly(process.execPath, [npm, ...args])
    : await runQuietly('npm', args, { shell: process.platform === 'win32' });
  if (outcome.code !== 0)
    throw new SetupError(`${outcome.output.trim()}\nThe dependencies could not be installed (npm ci, exit code ${outcome.code}).`);
  if (!hasPinnedNode()) await installNode();
  writeStamp(modulesStamp, { lock: contentHash(lockFile) });
}

function isFresh() {
  if (!hasPinnedNode() || !existsSync(installedLock)) return false;
  const hash = contentHash(lockFile);
  if (readStamp(modulesStamp)['lock'] === hash) return true;
  if (statSync(installedLock).mtimeMs < statSync(lockFile).mtimeMs) return false;
  writeStamp(modulesStamp, { lock: hash });
  return true;
}

/** Where npm is told to run no install scripts (`ignore-scripts`), this one is still needed: it fetches the Node binary. */
async function installNode() {
  const folder = join(modules, 'node');
  const outcome = await runQuietly(process.execPath, [join(folder, 'installArchSpecificPackage.js')], { cwd: folder });
  if (!hasPinnedNode()) throw new SetupError(`${outcome.output.trim()}\nThe pinned Node could not be installed.`);
}
