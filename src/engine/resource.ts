import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * A file of the program's `resources` folder. The folder lies beside `src`, and beside `out` where the bundle is: so
 * the way up from this code leads to it, however deep the bundler put this.
 */
export function resourcePath(name: string): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const path = join(folder, 'resources', name);
    if (existsSync(path)) return path;
    if (folder === dirname(folder)) throw new Error(`resources/${name} is missing`);
  }
}
