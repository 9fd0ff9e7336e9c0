// @ts-check
// Adds what npm leaves out of package-lock.json: optional packages for other systems, when npm wrote the lock where they could
// not be seen (npm/cli issue 4828). With them missing, `npm ci` fails everywhere. Their exact versions stand in the packages
// that ask for them; the system stands in their names. Run after `npm install`.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const PROCESSORS = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];

/** @typedef {{ version?: string, dev?: boolean, optionalDependencies?: Record<string, string> }} LockEntry */

/**
 * The optional packages that a lock names and does not hold.
 * @param {{ packages: Record<string, LockEntry> }} lock
 * @returns {{ path: string, version: string, parent: LockEntry }[]}
 */
export function missingOptionals(lock) {
  return Object.entries(lock.packages).flatMap(([parentPath, parent]) =>
    Object.entries(parent.optionalDependencies ?? {})
      .filter(([name]) => !isReachable(lock, parentPath, name))
      // A range would have to be looked up; only exact versions are known from here.
      .filter(([, version]) => /^\d/.test(version))
      .map(([name, version]) => ({ path: `node_modules/${name}`, version, parent })),
  );
}

/** Whether a package is in a node_modules folder at or above another one's. @param {{ packages: object }} lock @param {string} from @param {string} name */
function isReachable(lock, from, name) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(folder.lastIndexOf('/node_modules/'), 0))) {
    if (Object.hasOwn(lock.packages, `${folder === '' ? '' : `${folder}/`}node_modules/${name}`)) return true;
    if (folder === '') return false;
  }
}

/** @param {string} path */
function systemOf(path) {
  const words = path.split('/').slice(1).join('-').split('-');
  const os = SYSTEMS.filter((name) => words.includes(name));
  const cpu = PROCESSORS.filter((name) => words.includes(name));
  const libc = words.some((word) => word.startsWith('musl')) ? ['musl'] : words.some((word) => word.startsWith('gnu')) ? ['glibc'] : [];
  return Object.fromEntries(Object.entries({ cpu, os, libc }).filter(([, values]) => values.length > 0));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = new URL('../package-lock.json', import.meta.url);
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  for (const { path, version, parent } of missingOptionals(lock))
    lock.packages[path] = { version, ...(parent.dev === true ? { dev: true } : {}), optional: true, ...systemOf(path) };
  const sorted = Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en'));
  writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`);
}
