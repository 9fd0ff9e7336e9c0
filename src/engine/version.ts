import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Lathe's version, of the package.json above this code, wherever the bundler put it. */
export function latheVersion(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const path = join(folder, 'package.json');
    if (existsSync(path)) return (JSON.parse(readFileSync(path, 'utf8')) as { readonly version: string }).version;
    if (folder === dirname(folder)) throw new Error('package.json is missing');
  }
}
