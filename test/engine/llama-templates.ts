import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readBundle } from '../../scripts/native/git-bundle.mjs';

/** Where llama.cpp keeps the chat templates that it tests itself with. */
const FOLDER = 'models/templates';
const bundle = fileURLToPath(new URL('../../node_modules/node-llama-cpp/llama/gitRelease.bundle', import.meta.url));

/**
 * The chat templates that llama.cpp ships, by name: out of the source tree that `LLAMA_CPP_SOURCE` names, else out of the source
 * bundle that node-llama-cpp carries. Undefined where there is neither. They are others' work, and stay out of this repository.
 */
export function llamaTemplates(): ReadonlyMap<string, string> | undefined {
  const tree = process.env['LLAMA_CPP_SOURCE'];
  const read = (files: Iterable<readonly [path: string, content: () => string]>): ReadonlyMap<string, string> =>
    new Map([...files].filter(([path]) => path.endsWith('.jinja')).map(([path, content]) => [path.slice(FOLDER.length + 1), content()]));
  if (tree !== undefined && tree !== '') {
    const folder = join(tree, FOLDER);
    return read(readdirSync(folder).map((name) => [`${FOLDER}/${name}`, () => readFileSync(join(folder, name), 'utf8')]));
  }
  if (!existsSync(bundle)) return undefined;
  return read([...readBundle(bundle, [FOLDER])].map(([path, content]) => [path, () => content.toString('utf8')]));
}
