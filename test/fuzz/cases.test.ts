import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { partsOf, type CaseFile } from '../../scripts/fuzz/case.ts';
import { readerProcess } from '../../scripts/fuzz/process.ts';
import { tryInput } from '../../scripts/fuzz/run.ts';

/** They take milliseconds now; each that did not end took longer than this. */
const DEADLINE_MS = 10_000;

const folder = new URL('./cases/', import.meta.url);
const cases = readdirSync(folder).map((name) => {
  const file = JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as CaseFile;
  return [name.replace(/\.json$/, ''), file] as const;
});

describe('what fuzzing once found stays mended', () => {
  const reader = readerProcess(new URL('../../scripts/fuzz/targets/index.ts', import.meta.url).href, DEADLINE_MS);
  afterAll(() => reader.close());

  test.each(cases)('%s', async (_, file) => {
    expect(file.story).not.toBe('');
    expect(await tryInput(reader, file.target, partsOf(file))).toBeNull();
  });
});
