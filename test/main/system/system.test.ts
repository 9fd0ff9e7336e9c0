import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, parse } from 'node:path';
import { expect, test } from 'vitest';
import { contract } from '#contract/index.ts';
import type { Settings } from '#contract/system.ts';
import { availableFromVmStat } from '#main/system/memory.ts';
import { errorOf } from '../../expect-error.ts';
import { openTest, temporaryFolder } from '../support/open.ts';

test('settings have defaults, keep what was chosen, and tell who listens, also in another program', async () => {
  const { client, home } = await openTest();
  expect(await client.system.settings({})).toEqual({
    language: 'system',
    colorScheme: 'auto',
    importMode: 'link',
    outputFolder: null,
    threads: null,
    unloadAfterMinutes: null,
    samplingPresets: [],
    tools: [],
    diagrams: false,
  });
  const other = await openTest({ home });
  const stop = new AbortController();
  const heard: Settings[] = [];
  const listening = (async () => {
    for await (const settings of other.client.system.settingsChanges({}, { signal: stop.signal })) heard.push(settings);
  })().catch(() => undefined);
  await other.client.system.settings({});
  expect(await client.system.changeSettings({ language: 'zh-CN', threads: 3 })).toMatchObject({
    language: 'zh-CN',
    threads: 3,
    importMode: 'link',
  });
  await client.system.changeSettings({ outputFolder: '~/models', threads: null });
  await expect
    .poll(() => heard.at(-1), { timeout: 5000 })
    .toMatchObject({ language: 'zh-CN', threads: null, outputFolder: join(homedir(), 'models') });
  stop.abort();
  await listening;
  // Each setting can be changed by itself.
  expect(Object.keys(contract.system.changeSettings.input.shape).toSorted()).toEqual(
    Object.keys(contract.system.settings.output.shape).toSorted(),
  );
});

test('a setting that this version cannot read is its default', async () => {
  const { home, close } = await openTest();
  await close();
  const { openDatabase } = await import('#main/db/open.ts');
  const { settingsRepository } = await import('#main/db/settings.ts');
  const database = openDatabase(join(home, 'lathe.db'));
  settingsRepository(database).put({ language: 'klingon', colorScheme: 'dark', future: { a: 1 } });
  database.close();
  const { client } = await openTest({ home });
  expect(await client.system.settings({})).toMatchObject({ language: 'system', colorScheme: 'dark' });
});

test('the host says what it can do, and refuses what it cannot', async () => {
  const { client, home } = await openTest();
  expect(await client.system.host({})).toMatchObject({
    kind: 'cli',
    canPickFile: false,
    home,
    modelFolder: join(home, 'models'),
    versions: { lathe: '0.0.0' },
  });
  expect(await errorOf(client.system.pick({ what: 'file', title: 'x' }))).toMatchObject({ code: 'host.noDialog' });
  expect(await errorOf(client.system.reveal({ path: home }))).toMatchObject({ code: 'host.noFileManager' });
  expect(await errorOf(client.system.reveal({ path: join(home, 'nothing') }))).toMatchObject({ code: 'disk.missing' });
});

test('a folder lists its folders first and its hidden entries last, with links as what they lead to', async () => {
  const { client } = await openTest();
  const folder = temporaryFolder();
  for (const name of ['b10', 'b9', '.cache']) await mkdir(join(folder, name));
  for (const name of ['模型.gguf', 'a.txt', '.env']) await writeFile(join(folder, name), 'four');
  await symlink(join(folder, 'b9'), join(folder, 'link'));
  await symlink(join(folder, 'gone'), join(folder, 'dangling'));
  const { path, parent, entries, omitted } = await client.system.listFolder({ path: `${folder}/b9/..` });
  expect([path, parent, omitted]).toEqual([folder, join(folder, '..'), 0]);
  expect(entries.map(({ name }) => name)).toEqual(['b9', 'b10', 'link', '.cache', 'a.txt', 'dangling', '模型.gguf', '.env']);
  expect(entries.find(({ name }) => name === 'a.txt')).toEqual({
    name: 'a.txt',
    path: join(folder, 'a.txt'),
    isFolder: false,
    sizeBytes: 4,
  });
  expect(entries.find(({ name }) => name === 'dangling')).toMatchObject({ isFolder: false, sizeBytes: null });
  expect(await client.system.listFolder({ path: '' })).toMatchObject({ path: homedir() });
  expect(await client.system.listFolder({ path: parse(folder).root })).toMatchObject({ parent: null });
  expect(await errorOf(client.system.listFolder({ path: join(folder, 'a.txt') }))).toMatchObject({ code: 'system.notAFolder' });
  expect(await errorOf(client.system.listFolder({ path: join(folder, 'nothing') }))).toMatchObject({ code: 'disk.missing' });
  expect(await errorOf(client.system.listFolder({ path: 'relative' }))).toMatchObject({ code: 'system.relativePath' });
});

test('a folder of thousands is cut, and says how much is left out', async () => {
  const { client } = await openTest();
  const folder = temporaryFolder();
  await Promise.all(Array.from({ length: 1100 }, (_, number) => writeFile(join(folder, `${number}`), '')));
  const { entries, omitted } = await client.system.listFolder({ path: folder });
  expect([entries.length, omitted]).toEqual([1000, 100]);
});

test('the space of a path that is not there yet is that of the disk it would lie on', async () => {
  const { client } = await openTest();
  const folder = temporaryFolder();
  const there = await client.system.disk({ path: folder });
  const later = await client.system.disk({ path: join(folder, 'not', 'yet.gguf') });
  expect(later.totalBytes).toBe(there.totalBytes);
  expect(there.freeBytes).toBeGreaterThan(0);
  expect(there.freeBytes).toBeLessThanOrEqual(there.totalBytes);
});

test('memory is told at once, with what the engines take', async () => {
  const { client } = await openTest();
  for await (const sample of client.system.memory({})) {
    expect(sample.availableBytes).toBeGreaterThan(0);
    expect(sample.availableBytes).toBeLessThanOrEqual(sample.totalBytes);
    // This process alone takes more than ten megabytes; the engine of the test says a thousand bytes.
    expect(sample.ownBytes).toBeGreaterThan(10 * 1024 ** 2);
    expect(sample.cores).toBeGreaterThan(0);
    break;
  }
});

test('macOS counts pages of caches as available', () => {
  const report = `Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                               10000.
Pages active:                            500000.
Pages inactive:                           20000.
Pages speculative:                         3000.
Pages throttled:                              0.
Pages wired down:                        100000.
Pages purgeable:                            400.
`;
  // (10,000 + 20,000 + 3,000 + 400) pages of 16 KiB.
  expect(availableFromVmStat(report)).toBe(547_225_600);
  expect(availableFromVmStat('something else')).toBeNull();
});

test('the log gives its last entries and then each new one', async () => {
  const { client, log } = await openTest();
  log.write('info', 'test', 'one');
  log.write('warn', 'test', 'two');
  const seen: string[] = [];
  for await (const { source, text, level } of client.system.log({ last: 1 })) {
    seen.push(`${source} ${level} ${text}`);
    if (seen.length === 2) break;
    log.write('error', 'test', 'three');
  }
  expect(seen).toEqual(['test warn two', 'test error three']);
});
