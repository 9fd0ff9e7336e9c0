import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ModelFacts } from '#core/model/facts.ts';
import { modelRepository } from '#main/db/models.ts';
import { openDatabase } from '#main/db/open.ts';
import { writeModels } from '../../../scripts/scale/models.ts';
import { RARE_WORD, writeThreads } from '../../../scripts/scale/threads.ts';
import { all, openTest, temporaryFolder } from '../support/open.ts';

const MODELS = 10_000;

test('ten thousand models are listed, which is more than one request may hold', async () => {
  const { client, home } = await openTest();
  const folder = temporaryFolder();
  await writeModels(folder, 1);
  await all(client.library.import({ path: folder }));
  const [model] = await client.library.list({});
  if (model === undefined) throw new Error('nothing was imported');
  const database = openDatabase(join(home, 'lathe.db'));
  const repository = modelRepository(database);
  const facts = repository.get(model.id)?.facts as ModelFacts | undefined;
  if (facts === undefined) throw new Error('the model is not in the database');
  database.write(() => {
    for (let index = 1; index < MODELS; index += 1) {
      const path = `${model.path} ${index}`;
      const files = [{ name: 'model.gguf', sizeBytes: 1, modifiedMs: 1, sha256: null }];
      repository.add({
        id: `m${index}`,
        kind: 'gguf',
        name: `Model ${index}`,
        origin: 'link',
        addedMs: index,
        path,
        realPath: path,
        facts,
        files,
      });
    }
  });
  database.close();
  const listed = await client.library.list({});
  expect(listed).toHaveLength(MODELS);
  expect(new Set(listed.map(({ id }) => id)).size).toBe(MODELS);
});

test('the next model to hash is the oldest that waits, can be used, and has not failed', async () => {
  const folder = temporaryFolder();
  const { client, home, close } = await openTest();
  await writeModels(folder, 3);
  await all(client.library.import({ path: folder }));
  await close();
  const database = openDatabase(join(home, 'lathe.db'));
  const repository = modelRepository(database);
  const [third, second, first] = repository.list().map(({ id }) => id) as [string, string, string];
  expect(repository.unhashed(new Set())).toBe(first);
  expect(repository.unhashed(new Set([first]))).toBe(second);
  repository.setHash(second, 'a'.repeat(64), new Map(), 1);
  expect(repository.unhashed(new Set([first]))).toBe(third);
  repository.setState(third, { status: 'missing', error: { code: 'library.fileMissing', params: { path: '' } } });
  expect(repository.unhashed(new Set([first]))).toBeUndefined();
  database.close();
});

test('what the scale harness makes is what it says: models that can be read, and one conversation with the rare word', async () => {
  const folder = temporaryFolder();
  const { client, home } = await openTest();
  await writeModels(folder, 120);
  const events = await all(client.library.import({ path: folder }));
  expect(events.filter(({ type }) => type === 'problem')).toEqual([]);
  const models = await client.library.list({});
  expect(models).toHaveLength(120);
  expect(new Set(models.map(({ facts }) => facts.architecture)).size).toBe(8);
  writeThreads(join(home, 'lathe.db'), 20);
  expect(await client.chat.threads({})).toHaveLength(20);
  expect(await client.chat.search({ query: RARE_WORD })).toHaveLength(1);
});
