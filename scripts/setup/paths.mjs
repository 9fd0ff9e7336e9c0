// @ts-check
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

export const modules = join(root, 'node_modules');

/** The pinned Node, which npm's `node` package carries: the machine's own may be older. */
export const pinnedNode = join(modules, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

/** @param {string} name An entry of the built app, such as `serve`. */
export const builtEntry = (name) => join(root, 'out', 'main', `${name}.js`);

/** The environment for what runs below: `node` and the packages' commands are the pinned ones. */
export function childEnvironment() {
  const path = [dirname(pinnedNode), join(modules, '.bin'), process.env['PATH'] ?? ''].join(delimiter);
  // Windows keeps the variable as `Path`; two spellings of one name in an environment are not defined.
  const rest = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.toUpperCase() !== 'PATH'));
  return { ...rest, PATH: path };
}

/** @param {string} text */
export const say = (text) => void process.stderr.write(`${text}\n`);

/** A set-up step that failed for a reason the user can do something about: shown as it is, without a stack. */
export class SetupError extends Error {}

export const hasPinnedNode = () => existsSync(pinnedNode);
