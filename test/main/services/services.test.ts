import { chmod, mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { contract } from '#contract/index.ts';
import { AppError } from '#core/errors/index.ts';
import { nodeHost } from '#main/host.ts';
import { openLog } from '#main/log.ts';
import { openServices } from '#main/services.ts';
import { errorOf } from '../../expect-error.ts';
import { writeGeneratedModel } from '../../engine/generated-model.ts';
import { fakeEngines } from '../support/fake-engines.ts';
import { all, openTest, temporaryFolder } from '../support/open.ts';

test('every endpoint of the contract has somebody who answers', () => {
  const home = join(temporaryFolder(), 'home');
  const services = openServices({ home, host: nodeHost('cli', {}), engines: fakeEngines(), log: openLog({ folder: home }) });
  const endpoints = Object.entries(contract).flatMap(([group, names]) => Object.keys(names).map((name) => `${group}.${name}`));
  const answered = Object.entries(services.handlers).flatMap(([group, names]) => Object.keys(names).map((name) => `${group}.${name}`));
  expect(answered.toSorted()).toEqual(endpoints.toSorted());
  return services.close();
});

test('a data folder is made where there is none, with any name', async () => {
  const home = join(temporaryFolder(), `it's "my" 数据 folder`, 'deep');
  const { client } = await openTest({ home });
  expect(await client.library.list({})).toEqual([]);
  expect((await readdir(home)).toSorted()).toEqual(expect.arrayContaining(['lathe.db', 'logs', 'models']));
});

test('a data folder that cannot be made is a coded error', async () => {
  const folder = temporaryFolder();
  await writeFile(join(folder, 'file'), '');
  const open = (): unknown =>
    openServices({ home: join(folder, 'file', 'home'), host: nodeHost('cli', {}), engines: fakeEngines(), log: openLog({ folder }) });
  expect(await errorOf(open)).toMatchObject({ code: 'disk.missing' });
});

test('a damaged library stops the start, and stays as it is', async () => {
  const home = join(temporaryFolder(), 'home');
  await mkdir(home);
  await writeFile(join(home, 'lathe.db'), 'damaged'.repeat(1000));
  const open = (): unknown => openServices({ home, host: nodeHost('cli', {}), engines: fakeEngines(), log: openLog({ folder: home }) });
  expect(await errorOf(open)).toMatchObject({ code: 'db.corrupt', params: { path: join(home, 'lathe.db') } });
  expect(await readFile(join(home, 'lathe.db'), 'utf8')).toBe('damaged'.repeat(1000));
});

test('an unfinished copy of days ago is cleared away, one of now is not', async () => {
  const home = join(temporaryFolder(), 'home');
  const models = join(home, 'models');
  for (const name of ['old.partial', 'new.partial', 'whole']) await mkdir(join(models, name), { recursive: true });
  const daysAgo = Date.now() / 1000 - 3 * 24 * 3600;
  await utimes(join(models, 'old.partial'), daysAgo, daysAgo);
  await utimes(join(models, 'whole'), daysAgo, daysAgo);
  await openTest({ home });
  expect((await readdir(models)).toSorted()).toEqual(['new.partial', 'whole']);
});

test('two programs share one library, and each hears what the other does', async () => {
  const one = await openTest();
  const two = await openTest({ home: one.home });
  const stop = new AbortController();
  const heard: string[] = [];
  const listening = (async () => {
    for await (const event of two.client.library.changes({}, { signal: stop.signal }))
      heard.push(event.type === 'changed' ? event.model.name : 'removed');
  })().catch(() => undefined);
  await two.client.library.list({});
  const path = join(temporaryFolder(), 'shared.gguf');
  await writeGeneratedModel(path);
  await all(one.client.library.import({ path }));
  await expect.poll(() => heard, { timeout: 5000 }).toContain('shared');
  await two.client.library.update({ modelId: (await two.client.library.list({}))[0]?.id ?? '', note: 'from two' });
  expect(await one.client.library.list({})).toMatchObject([{ note: 'from two' }]);
  stop.abort();
  await listening;
});

test('the trash is the system’s, and where there is none nothing is deleted', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'model [1].gguf');
  await writeFile(path, 'x');
  const before = process.env['XDG_DATA_HOME'];
  process.env['XDG_DATA_HOME'] = join(folder, 'data');
  try {
    if (process.platform === 'linux') {
      // A trash that cannot be made: its folder's name is taken by a file.
      await writeFile(join(folder, 'data'), '');
      await expect(nodeHost('serve', {}).trash(path)).rejects.toThrow(AppError);
      expect(existsSync(path)).toBe(true);
      const { rm } = await import('node:fs/promises');
      await rm(join(folder, 'data'));
      await nodeHost('serve', {}).trash(path);
      expect(existsSync(path)).toBe(false);
      expect(await readdir(join(folder, 'data', 'Trash', 'files'))).toHaveLength(1);
    }
    expect(await errorOf(nodeHost('serve', {}).trash(join(folder, 'nothing\0here')))).toMatchObject({ code: 'host.noTrash' });
  } finally {
    if (before === undefined) delete process.env['XDG_DATA_HOME'];
    else process.env['XDG_DATA_HOME'] = before;
    await chmod(folder, 0o700);
  }
});
