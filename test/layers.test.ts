import { readdir, readFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/**
 * The arrows of docs/architecture.md, held against every import of `src` as it resolves: a relative path that leaves its
 * folder counts as what it reaches, whatever it is spelled like.
 */
const src = fileURLToPath(new URL('../src', import.meta.url));

interface Layer {
  /** Folders of src, beside its own. */
  readonly folders: readonly string[];
  readonly node: boolean;
  /** Package names; a name that ends in `/` is a whole scope. `any`: what the build bundles, checked against `never`. */
  readonly packages: readonly string[] | 'any';
  readonly never?: readonly string[];
}

const LAYERS: Readonly<Record<string, Layer>> = {
  core: { folders: [], node: false, packages: [] },
  contract: { folders: ['core'], node: false, packages: ['zod'] },
  main: { folders: ['core', 'contract'], node: true, packages: ['better-sqlite3', 'pino', 'trash', 'ws', 'zod'] },
  engine: {
    folders: ['core', 'contract'],
    node: true,
    packages: ['node-llama-cpp', '@huggingface/jinja', '@huggingface/tokenizers', 'hyparquet', 'zod'],
  },
  preload: { folders: [], node: false, packages: ['electron'] },
  renderer: {
    folders: ['core', 'contract'],
    node: false,
    packages: 'any',
    never: ['electron', 'better-sqlite3', 'node-llama-cpp', 'ws', 'pino', 'trash'],
  },
};

/** Only these parts of main know that there is Electron. */
const mayUseElectron = (file: string): boolean => file === 'main/index.ts' || file.startsWith('main/electron/');

/** Every specifier of a static import, a re-export, a dynamic import, or a worker's or asset's address. */
const IMPORTS = [
  /^\s*import\s+[\w*{][^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
  /^\s*export\s+(?:type\s+)?[*{][^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
  // Not where 'import' is itself a word in quotes.
  /(?<!['"`])\bimport\s*['"]([^'"]+)['"]/g,
  /\bimport\s*\(\s*['"`]([^'"`]+)['"`]\s*\)/g,
  /\brequire\s*\(\s*['"`]([^'"`]+)['"`]\s*\)/g,
  /\bnew URL\(\s*['"`](\.[^'"`]+)['"`]\s*,\s*import\.meta\.url/g,
];

const importsOf = (code: string): string[] => IMPORTS.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1] ?? ''));

const builtin = new Set(builtinModules);

/** What is wrong with an import, or null. */
function problemOf(file: string, specifier: string): string | null {
  const own = file.split('/')[0] ?? '';
  const layer = LAYERS[own];
  if (layer === undefined) return `src/${own} is not in the table of layers`;
  const [bare = ''] = specifier.split('?', 1);
  const target = bare.startsWith('#') ? resolve(src, bare.slice(1)) : bare.startsWith('.') ? resolve(src, dirname(file), bare) : null;
  const inSrc = target === null ? null : relative(src, target).split(sep).join('/');
  if (inSrc !== null) {
    const folder = inSrc.split('/')[0] ?? '';
    // package.json and the resources lie beside src and have no layer; they are data.
    if (folder === '..') return /^\.\.\/(package\.json|resources\/|out\/|build\/|node_modules\/)/.test(`${inSrc}/`) ? null : 'leaves src';
    return folder === own || layer.folders.includes(folder) ? null : `${own} must not know ${folder}`;
  }
  if (bare.startsWith('node:') || builtin.has(bare)) return layer.node ? null : `${own} must not know Node`;
  const name = bare.startsWith('@') ? bare.split('/').slice(0, 2).join('/') : (bare.split('/')[0] ?? '');
  if (name === 'electron' && own === 'main') return mayUseElectron(file) ? null : 'only main/index.ts and main/electron may know Electron';
  if (layer.never?.includes(name) === true) return `${own} must not know ${name}`;
  return layer.packages === 'any' || layer.packages.includes(name) ? null : `${own} must not know ${name}`;
}

test('the rule sees through every way to write an import', () => {
  const code = `
    import { a } from '#main/a.ts';
    import type { b } from "./b.ts";
    import {
      c,
    } from '../c.ts';
    import './d.css';
    export { e } from '../e.ts';
    export * from 'f';
    const g = await import('g');
    const h = require('h');
    const i = new URL('./i.ts', import.meta.url);`;
  expect(importsOf(code).toSorted()).toEqual(['#main/a.ts', './b.ts', '../c.ts', './d.css', '../e.ts', 'f', 'g', 'h', './i.ts'].toSorted());
});

test.each([
  ['core/bytes.ts', 'node:fs'],
  ['core/bytes.ts', 'fs'],
  ['core/bytes.ts', 'zod'],
  ['core/gguf/read.ts', '../../contract/wire.ts'],
  ['contract/wire.ts', '#main/log.ts'],
  ['contract/wire.ts', 'ws'],
  ['main/log.ts', 'electron'],
  ['main/log.ts', 'react'],
  ['main/jobs/run.ts', '../../engine/index.ts'],
  ['main/log.ts', '#main/../engine/index.ts'],
  ['engine/index.ts', 'better-sqlite3'],
  ['engine/index.ts', '#main/ports.ts'],
  ['preload/index.ts', '#core/bytes.ts'],
  ['preload/index.ts', 'node:fs'],
  ['renderer/app.tsx', '#engine/index.ts'],
  ['renderer/app.tsx', 'electron'],
  ['renderer/app.tsx', 'node:path'],
  ['renderer/screens/chat/screen.tsx', '../../../main/log.ts'],
  ['main/log.ts', '../../test/fixture.ts'],
  ['elsewhere/a.ts', './b.ts'],
])('%s may not import %s', (file, specifier) => {
  expect(problemOf(file, specifier)).not.toBeNull();
});

test('every import of src follows the arrows', async () => {
  const entries = await readdir(src, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && /\.(ts|tsx|mts|css)$/.test(entry.name))
    .map((entry) => relative(src, join(entry.parentPath, entry.name)).split(sep).join('/'));
  let seen = 0;
  const problems: string[] = [];
  for (const file of files) {
    for (const specifier of importsOf(await readFile(join(src, file), 'utf8'))) {
      seen += 1;
      const problem = problemOf(file, specifier);
      if (problem !== null) problems.push(`${file} imports ${specifier}: ${problem}`);
    }
  }
  expect(problems).toEqual([]);
  // A walk that found next to nothing would hold too.
  expect(files.length).toBeGreaterThan(50);
  expect(seen).toBeGreaterThan(150);
});
