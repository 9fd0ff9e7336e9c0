// Writes the licences of everything that a package of Lathe holds: `node scripts/notices.ts FILE`. Made anew for each package, so that it is
// what is installed.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface Notice {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  /** What its files say, '' where it brings none. */
  readonly text: string;
}

/** Names of the packages that Lathe's sources import, those for types alone included: they cost nothing. */
async function importedPackages(): Promise<Set<string>> {
  const found = new Set<string>();
  for (const name of await readdir(join(root, 'src'), { recursive: true })) {
    if (!/\.(ts|tsx|css)$/.test(name)) continue;
    const text = await readFile(join(root, 'src', name), 'utf8');
    for (const [, specifier = ''] of text.matchAll(/(?:from|import|import\()\s*['"]([^'".#][^'"]*)['"]/g)) {
      const [scope = '', rest = ''] = specifier.split('/');
      if (!specifier.startsWith('node:')) found.add(scope.startsWith('@') ? `${scope}/${rest}` : scope);
    }
  }
  return found;
}

/** Every package that those of the sources need, and those need, as the lock has them. */
export async function shippedPackages(): Promise<Map<string, Locked>> {
  const { packages } = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, Locked> };
  const { dependencies = {} } = packages[''] ?? {};
  const found = new Map<string, Locked>();
  /** As Node looks: in the package's own folder first, then in those around it. */
  const visit = (name: string, from: string): void => {
    for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))) {
      const path = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`;
      const locked = packages[path];
      if (locked !== undefined) {
        if (found.has(path)) return;
        found.set(path, locked);
        for (const needed of Object.keys({ ...locked.dependencies, ...locked.optionalDependencies })) visit(needed, path);
        return;
      }
      if (folder === '') return;
    }
  };
  // Electron and its own licences are put there by electron-builder.
  for (const name of [...Object.keys(dependencies), ...(await importedPackages())]) if (name !== 'electron') visit(name, '');
  return found;
}

export async function notices(): Promise<Notice[]> {
  const found: Notice[] = [];
  for (const [path, { version = '', license = '' }] of await shippedPackages()) {
    // Other systems' binaries are in the lock, but not here.
    const files = await readdir(join(root, path)).catch(() => []);
    if (files.length === 0) continue;
    const texts = files.filter((name) => /^(licen[cs]e|copying|notice)([.-]|$)/i.test(name) && !/\.(json|js|ts)$/.test(name)).toSorted();
    const text = await Promise.all(texts.map(async (name) => (await readFile(join(root, path, name), 'utf8').catch(() => '')).trim()));
    // Some packages name none in their package.json; their licence's first line then is its name.
    const licence = license === '' ? (text[0]?.split('\n', 1)[0] ?? '') : license;
    found.push({ name: path.slice(path.lastIndexOf('node_modules/') + 13), version, licence, text: text.join('\n\n') });
  }
  return found.toSorted((a, b) => a.name.localeCompare(b.name, 'en') || a.version.localeCompare(b.version, 'en'));
}

export function noticesText(found: readonly Notice[]): string {
  const parts = found.map(
    ({ name, version, licence, text }) =>
      `## ${name} ${version}\n\n${licence}\n${text === '' ? '' : `\n${text.replaceAll(/^/gm, '    ')}\n`}`,
  );
  return `# Third-party notices

Lathe contains the work of others, under these licences. Electron, where it is part of the package, brings its own beside the program.
llama.cpp and ggml (MIT, Copyright (c) The ggml authors) are within node-llama-cpp's binaries.

${parts.join('\n')}`;
}

/** @returns how many packages it names */
export async function writeNotices(output = join(root, 'out', 'THIRD-PARTY.md')): Promise<number> {
  const found = await notices();
  await writeFile(output, noticesText(found));
  return found.length;
}

const [, program, output] = process.argv;
if (program === fileURLToPath(import.meta.url)) process.stdout.write(`Licences of ${await writeNotices(output)} packages.\n`);
