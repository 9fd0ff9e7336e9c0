import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { missingOptionals } from '../../scripts/complete-lock.mjs';

const readLock = async () =>
  JSON.parse(await readFile(new URL('../../package-lock.json', import.meta.url), 'utf8')) as Parameters<typeof missingOptionals>[0];

test('the lock holds the packages of every system, so that npm ci passes on each (else: node scripts/complete-lock.mjs)', async () => {
  const lock = await readLock();
  expect(Object.keys(lock.packages).length).toBeGreaterThan(500);
  expect(missingOptionals(lock).map(({ path }) => path)).toEqual([]);
});

test('a package that is left out is found, wherever it may be hoisted to', () => {
  const packages = {
    '': {},
    'node_modules/a': { version: '1.0.0', optionalDependencies: { 'a-linux-x64': '1.0.0', 'a-win32-x64': '1.0.0', ranged: '^1.0.0' } },
    'node_modules/a-linux-x64': { version: '1.0.0' },
    'node_modules/b/node_modules/c': { version: '2.0.0', optionalDependencies: { 'c-linux-x64': '2.0.0', 'c-darwin-arm64': '2.0.0' } },
    'node_modules/b/node_modules/c-linux-x64': { version: '2.0.0' },
  };
  expect(missingOptionals({ packages }).map(({ path, version }) => [path, version])).toEqual([
    ['node_modules/a-win32-x64', '1.0.0'],
    ['node_modules/c-darwin-arm64', '2.0.0'],
  ]);
});

test('the lock names no address of a registry', async () => {
  expect(Object.values((await readLock()).packages).filter((entry) => 'resolved' in entry)).toEqual([]);
});
