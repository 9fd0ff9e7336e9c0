// @ts-check
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runQuietly } from './child.mjs';
import { builtEntry, modules, pinnedNode, root, say, SetupError } from './paths.mjs';
import { exclusively, readStamp, treeHash, writeStamp } from './stamp.mjs';

const stamp = join(root, 'out', '.stamp');
const sources = ['src', 'electron.vite.config.ts', 'package.json', 'package-lock.json', 'tsconfig.json'].map((name) => join(root, name));
const isFresh = () => existsSync(builtEntry('serve')) && readStamp(stamp)['sources'] === treeHash(sources);

/** Build main, preload and renderer into `out`, unless no source has changed since. */
export async function ensureApp() {
  if (isFresh()) return;
  await exclusively(join(modules, '.lathe-building'), async () => {
    if (isFresh()) return;
    say('Building the app…');
    const before = treeHash(sources);
    const outcome = await runQuietly(pinnedNode, [join(modules, 'electron-vite', 'bin', 'electron-vite.js'), 'build']);
    if (outcome.code !== 0) throw new SetupError(`${outcome.output.trim()}\nThe app could not be built.`);
    writeStamp(stamp, { sources: before });
  });
}
