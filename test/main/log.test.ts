import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openLog } from '#main/log.ts';
import { temporaryFolder } from './support/open.ts';

const linesOf = (path: string): unknown[] =>
  readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

test('what is written is in the file when the log is closed', async () => {
  const folder = join(temporaryFolder(), 'logs');
  const log = openLog({ folder, clock: () => 1234 });
  log.write('info', 'jobs', 'begins');
  log.write('error', 'engine.tensor', 'stopped "so" 模');
  await log.close();
  expect(linesOf(join(folder, 'lathe.log'))).toEqual([
    { level: 30, time: 1234, source: 'jobs', msg: 'begins' },
    { level: 50, time: 1234, source: 'engine.tensor', msg: 'stopped "so" 模' },
  ]);
});

test('a large file makes room at the next start; of the older ones two are kept', async () => {
  const folder = temporaryFolder();
  for (const round of ['first', 'second', 'third', 'fourth']) {
    const log = openLog({ folder, limitBytes: 10 });
    log.write('info', 'test', round);
    await log.close();
  }
  expect(readdirSync(folder).toSorted()).toEqual(['lathe.1.log', 'lathe.2.log', 'lathe.log']);
  expect(['lathe.log', 'lathe.1.log', 'lathe.2.log'].map((name) => linesOf(join(folder, name)))).toMatchObject([
    [{ msg: 'fourth' }],
    [{ msg: 'third' }],
    [{ msg: 'second' }],
  ]);
});

test('a small file goes on', async () => {
  const folder = temporaryFolder();
  for (const round of ['one', 'two']) {
    const log = openLog({ folder });
    log.write('info', 'test', round);
    await log.close();
  }
  expect(linesOf(join(folder, 'lathe.log'))).toHaveLength(2);
});

test('the last two thousand entries are kept, and a flood of one is cut', () => {
  const log = openLog({ folder: temporaryFolder() });
  for (let number = 0; number < 2100; number += 1) log.write('debug', 'test', `${number}`);
  log.write('debug', 'test', 'x'.repeat(100_000));
  const last = log.last(2000);
  expect(last).toHaveLength(2000);
  expect(last[0]?.text).toBe('101');
  expect(last.at(-1)?.text.length).toBe(4001);
  expect(log.last(0)).toEqual([]);
  return log.close();
});

test('a log that cannot be written is kept in memory, and nobody notices', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'file'), '');
  const log = openLog({ folder: join(folder, 'file', 'logs') });
  log.write('info', 'test', 'still here');
  expect(log.last(10)).toMatchObject([{ text: 'still here' }]);
  await log.close();
  mkdirSync(join(folder, 'lathe.log'));
  const other = openLog({ folder });
  other.write('info', 'test', 'here too');
  expect(other.last(10)).toMatchObject([{ text: 'here too' }]);
  await other.close();
});

test('a log that cannot be written does not trouble the end of the program', () => {
  // Pino flushes at the exit: it used to throw there for a file that had never opened.
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'lathe.log'));
  const program = `
    const { openLog } = await import('#main/log.ts');
    openLog({ folder: ${JSON.stringify(folder)} }).write('info', 'test', 'said');
    setTimeout(() => process.exit(0), 100);`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
