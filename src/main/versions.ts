import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Lathe's own version and those of what it runs on. @param here the folder of the running entry, two levels below package.json */
export function appVersions(here: string): Record<string, string> {
  const { version } = JSON.parse(readFileSync(join(here, '..', '..', 'package.json'), 'utf8')) as { version: string };
  const { node, v8 } = process.versions;
  return { lathe: version, node, v8 };
}
