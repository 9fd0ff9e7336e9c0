import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

const root = new URL('../../', import.meta.url);
const text = await readFile(new URL('docs/security.md', root), 'utf8');

/** `test/a.test.ts` _what it claims_ */
const claims = [...text.matchAll(/`(test\/[\w./-]+\.test\.ts)` _([^_]+(?:_\w[^_]*)*)_/g)].map(([, file = '', name = '']) => ({
  file,
  name,
}));

test('every attack of the table names tests', () => {
  const rows = text.split('\n').filter((line) => /^\| (?!---|Attack)/.test(line));
  expect(rows.length).toBeGreaterThanOrEqual(13);
  for (const row of rows) expect([row.slice(0, 60), /`test\//.test(row)]).toEqual([row.slice(0, 60), true]);
  expect(claims.length).toBeGreaterThanOrEqual(rows.length);
});

test.each(claims)('$file still claims: $name', async ({ file, name }) => {
  expect(await readFile(new URL(file, root), 'utf8')).toContain(name);
});
