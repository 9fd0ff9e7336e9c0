import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, symlink, truncate, writeFile, copyFile, appendFile, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { AppClient } from '#contract/index.ts';
import { errorOf } from '../../expect-error.ts';
import { tinyModel } from '../../fixtures.ts';
import { writeHfFolder } from '#engine/demo.ts';
import { writeGeneratedModel } from '../../engine/generated-model.ts';
import { all, eventually, openTest, temporaryFolder } from '../support/open.ts';

async function importAll(client: AppClient, path: string, mode: 'link' | 'copy' = 'link') {
  const events = await all(client.library.import({ path, mode }));
  return {
    added: events.flatMap((event) => (event.type === 'added' ? [event] : [])),
    problems: events.flatMap((event) => (event.type === 'problem' ? [event.problem] : [])),
    copying: events.flatMap((event) => (event.type === 'copying' ? [event] : [])),
  };
}

test('a GGUF file is added by link, with what its header says', async () => {
  const { client, home } = await openTest();
  const path = join(temporaryFolder(), 'Tiny Story.gguf');
  await writeGeneratedModel(path, { layers: 3 });
  const { added, problems } = await importAll(client, path);
  expect(problems).toEqual([]);
  expect(added).toMatchObject([
    {
      alreadyListed: false,
      model: {
        kind: 'gguf',
        name: 'Tiny Story',
        path,
        origin: 'link',
        fileCount: 1,
        facts: { architecture: 'llama', layerCount: 3, embeddingLength: 64, contextLength: 512, hasChatTemplate: true },
        state: { status: 'ready' },
        hash: { status: 'pending' },
      },
    },
  ]);
  expect(added[0]?.model.sizeBytes).toBe((await readFile(path)).byteLength);
  expect(await readdir(join(home, 'models'))).toEqual([]);
});

test('the same model is listed once, also through a link to it', async () => {
  const { client } = await openTest();
  const folder = temporaryFolder();
  await writeGeneratedModel(join(folder, 'a.gguf'));
  await symlink(join(folder, 'a.gguf'), join(folder, 'b.gguf'));
  await importAll(client, join(folder, 'a.gguf'));
  const again = await importAll(client, join(folder, 'a.gguf'));
  const linked = await importAll(client, join(folder, 'b.gguf'));
  expect(again.added).toMatchObject([{ alreadyListed: true }]);
  expect(linked.added).toMatchObject([{ alreadyListed: true, model: { path: join(folder, 'a.gguf') } }]);
  expect(await client.library.list({})).toHaveLength(1);
});

test.skipIf(process.platform === 'win32')('what never ends is no file: a device, also behind a model’s name', async () => {
  const { client } = await openTest();
  const folder = temporaryFolder();
  await symlink('/dev/zero', join(folder, 'zero.gguf'));
  for (const path of ['/dev/zero', join(folder, 'zero.gguf')])
    expect(await importAll(client, path)).toMatchObject({ added: [], problems: [{ error: { code: 'library.notRegularFile' } }] });
  expect((await importAll(client, folder)).added).toEqual([]);
});

test('one broken file, one dangling link and one good file give two problems and one model', async () => {
  const { client } = await openTest();
  const folder = temporaryFolder();
  await writeGeneratedModel(join(folder, 'good.gguf'));
  await writeGeneratedModel(join(folder, 'short.gguf'));
  await truncate(join(folder, 'short.gguf'), 100_000);
  await symlink(join(folder, 'gone.gguf'), join(folder, 'dangling.gguf'));
  const { added, problems } = await importAll(client, folder);
  expect(added.map(({ model }) => model.name)).toEqual(['good']);
  expect(problems.map(({ path, error }) => `${path} ${error.code}`).toSorted()).toEqual([
    `${join(folder, 'dangling.gguf')} library.danglingLink`,
    `${join(folder, 'short.gguf')} gguf.truncated`,
  ]);
});

test('a folder of models is looked through to its depths, and a circle of links is walked once', async () => {
  const { client } = await openTest();
  const folder = temporaryFolder();
  const inner = join(folder, 'publisher', 'story');
  await writeHfFolder(tinyModel(), inner);
  await writeGeneratedModel(join(inner, 'story-f32.gguf'));
  await mkdir(join(folder, '.hidden'));
  await writeGeneratedModel(join(folder, '.hidden', 'secret.gguf'));
  await mkdir(join(inner, 'original'));
  await writeFile(join(inner, 'original', 'consolidated.00.pth'), 'pickle');
  await symlink(folder, join(inner, 'up'));
  const { added, problems } = await importAll(client, folder);
  expect(added.map(({ model }) => `${model.kind} ${model.path}`).toSorted()).toEqual([
    `gguf ${join(inner, 'story-f32.gguf')}`,
    `hf ${inner}`,
  ]);
  expect(problems).toEqual([]);
});

test('the parts of a split GGUF are one model, and a missing part is said', async () => {
  const { client } = await openTest();
  const { planGgufSplit } = await import('#core/gguf/write.ts');
  const { str, u32 } = await import('#core/gguf/values.ts');
  const folder = temporaryFolder();
  const tensors = ['a', 'b', 'c'].map((name) => ({ name, type: 'F32' as const, dimensions: [32, 4] }));
  const metadata = new Map([
    ['general.architecture', str('llama')],
    ['llama.block_count', u32(2)],
  ]);
  const parts = planGgufSplit({ metadata, tensors }, 'big', 600);
  expect(parts.length).toBe(3);
  for (const part of parts)
    await writeFile(join(folder, part.fileName), Buffer.concat([part.header, Buffer.alloc(part.totalBytes - part.header.byteLength)]));
  const { added, problems } = await importAll(client, join(folder, 'big-00002-of-00003.gguf'));
  expect(problems).toEqual([]);
  expect(added).toMatchObject([
    { model: { name: 'big', fileCount: 3, path: join(folder, 'big-00001-of-00003.gguf'), facts: { tensorCount: 3 } } },
  ]);
  await rm(join(folder, 'big-00003-of-00003.gguf'));
  await expect
    .poll(async () => (await client.library.list({}))[0]?.state, { timeout: 5000 })
    .toMatchObject({ status: 'missing', error: { code: 'library.fileMissing' } });
  expect((await importAll(client, join(folder, 'big-00001-of-00003.gguf'))).problems).toMatchObject([
    { error: { code: 'gguf.missingParts' } },
  ]);
});

test.each([
  ['model.bin', 'model.pickle'],
  ['notes.txt', 'model.noWeights'],
  ['model.safetensors', 'model.noConfig'],
])('%s alone is refused with a reason', async (name, code) => {
  const { client } = await openTest();
  const folder = temporaryFolder();
  await writeFile(join(folder, name), 'x');
  expect((await importAll(client, join(folder, name))).problems).toMatchObject([{ error: { code } }]);
  expect((await importAll(client, folder)).problems).toMatchObject([{ error: { code } }]);
  expect(await client.library.list({})).toEqual([]);
});

test('a path that is not there, and one that is not whole, are refused', async () => {
  const { client } = await openTest();
  const { problems } = await importAll(client, join(temporaryFolder(), 'nothing'));
  expect(problems).toMatchObject([{ error: { code: 'disk.missing' } }]);
  expect(await errorOf(all(client.library.import({ path: 'models/a.gguf' })))).toMatchObject({ code: 'system.relativePath' });
});

test('names with quotation marks, Chinese and dots are taken as they are', async () => {
  const { client } = await openTest();
  const folder = join(temporaryFolder(), `it's "a" 模型 ..`);
  await mkdir(folder);
  await writeGeneratedModel(join(folder, `"故事" .. v1.0.gguf`));
  const { added } = await importAll(client, `${folder}/../${folder.split('/').at(-1)}`);
  expect(added).toMatchObject([{ model: { name: `"故事" .. v1.0`, path: join(folder, `"故事" .. v1.0.gguf`) } }]);
  const copied = await importAll(client, join(folder, `"故事" .. v1.0.gguf`), 'copy');
  expect(copied.added).toMatchObject([{ alreadyListed: true }]);
  expect(await client.library.find({ reference: `"故事" .. v1.0` })).toMatchObject({ id: added[0]?.model.id });
});

test('a copied folder lies in the data folder, whole, and the original is free to go', async () => {
  const { client, home } = await openTest();
  const source = join(temporaryFolder(), '故事: 1');
  await writeHfFolder(tinyModel(), source);
  await writeFile(join(source, 'LICENSE'), 'free');
  await writeFile(join(source, 'thesis.docx'), 'private');
  const { added, copying } = await importAll(client, source, 'copy');
  const model = added[0]?.model;
  expect(model).toMatchObject({ origin: 'copy', kind: 'hf', name: '故事: 1', path: join(home, 'models', '故事_ 1') });
  const names = await readdir(join(home, 'models', '故事_ 1'));
  expect(names).toContain('model.safetensors');
  expect(names).toContain('LICENSE');
  expect(names).not.toContain('thesis.docx');
  expect(copying.at(-1)).toMatchObject({ doneBytes: copying.at(-1)?.totalBytes });
  expect(await readFile(join(model?.path ?? '', 'model.safetensors'))).toEqual(await readFile(join(source, 'model.safetensors')));
  await rm(source, { recursive: true });
  expect((await client.library.list({}))[0]?.state).toEqual({ status: 'ready' });
});

test('a copy that is left in the middle leaves nothing behind', async () => {
  const { client, home } = await openTest();
  const source = temporaryFolder();
  for (const name of ['a.gguf', 'b.gguf']) await writeGeneratedModel(join(source, name), { layers: 8 });
  const leave = new AbortController();
  for await (const event of client.library.import({ path: source, mode: 'copy' }, { signal: leave.signal }))
    if (event.type === 'copying') break;
  leave.abort();
  await expect.poll(() => readdir(join(home, 'models')).then((names) => names.filter((name) => name.endsWith('.partial')))).toEqual([]);
});

test('what happens to the files is seen: gone, back, changed, broken, mended', async () => {
  const { client } = await openTest();
  const folder = temporaryFolder();
  const path = join(folder, 'm.gguf');
  await writeGeneratedModel(path);
  const { added } = await importAll(client, path);
  const modelId = added[0]?.model.id ?? '';
  const state = async () => (await client.library.get({ modelId })).model.state;

  await rename(path, join(folder, 'away.gguf'));
  expect(await state()).toMatchObject({ status: 'missing', error: { code: 'library.fileMissing', params: { path } } });
  await rename(join(folder, 'away.gguf'), path);
  expect(await state()).toEqual({ status: 'ready' });

  await copyFile(path, join(folder, 'whole'));
  await truncate(path, 5000);
  expect(await state()).toMatchObject({ status: 'broken', error: { code: expect.stringMatching(/^gguf\./) as string } });
  await copyFile(join(folder, 'whole'), path);
  expect(await state()).toEqual({ status: 'ready' });

  await writeGeneratedModel(path, { layers: 4 });
  expect(await client.library.get({ modelId })).toMatchObject({ model: { facts: { layerCount: 4 }, state: { status: 'ready' } } });
});

test('a moved model is found again where the user says, but only if it is the same one', async () => {
  const { client } = await openTest();
  const folder = temporaryFolder();
  await writeGeneratedModel(join(folder, 'm.gguf'));
  await writeGeneratedModel(join(folder, 'other.gguf'), { layers: 4 });
  const { added } = await importAll(client, join(folder, 'm.gguf'));
  const modelId = added[0]?.model.id ?? '';
  await mkdir(join(folder, 'new'));
  await rename(join(folder, 'm.gguf'), join(folder, 'new', 'renamed.gguf'));
  expect(await errorOf(client.library.refresh({ modelId, path: join(folder, 'other.gguf') }))).toMatchObject({
    code: 'library.otherContent',
  });
  const moved = await client.library.refresh({ modelId, path: join(folder, 'new') });
  expect(moved).toMatchObject({ id: modelId, name: 'm', path: join(folder, 'new', 'renamed.gguf'), state: { status: 'ready' } });
});

test('hashes are those of sha256sum, duplicates are found by them, and a changed file is noticed', async () => {
  const { client } = await openTest({ host: { kind: 'serve' } });
  const folder = temporaryFolder();
  await writeGeneratedModel(join(folder, 'a.gguf'));
  await copyFile(join(folder, 'a.gguf'), join(folder, 'b.gguf'));
  await writeHfFolder(tinyModel(), join(folder, 'hf'));
  await importAll(client, folder);
  await expect
    .poll(async () => (await client.library.list({})).map(({ hash }) => hash.status), { timeout: 8000 })
    .toEqual(['done', 'done', 'done']);
  const models = new Map((await client.library.list({})).map((model) => [model.name, model]));
  const a = models.get('a');
  const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');
  expect(a?.hash).toMatchObject({ sha256: sha256(await readFile(join(folder, 'a.gguf'))) });
  expect(a?.duplicateIds).toEqual([models.get('b')?.id]);
  const { files } = await client.library.get({ modelId: models.get('hf')?.id ?? '' });
  const lines = files.toSorted((left, right) => (left.name < right.name ? -1 : 1)).map(({ name, sha256: hash }) => `${hash}  ${name}\n`);
  expect(models.get('hf')?.hash).toMatchObject({ sha256: sha256(lines.join('')) });

  await appendFile(join(folder, 'hf', 'config.json'), ' ');
  // A list does not wait for files that are slow to read; what they say comes a moment later.
  const changed = await eventually(
    async () => (await client.library.list({})).find(({ name }) => name === 'hf'),
    (model) => model?.hash.status === 'changed',
  );
  expect(changed).toMatchObject({ hash: { status: 'changed', sha256: sha256(lines.join('')) }, state: { status: 'ready' } });
  await client.library.refresh({ modelId: changed?.id ?? '' });
  await expect
    .poll(async () => (await client.library.get({ modelId: changed?.id ?? '' })).model.hash.status, { timeout: 8000 })
    .toBe('done');
});

test('a new time of change alone does not lose the hash of the other files', async () => {
  const { client } = await openTest();
  const folder = join(temporaryFolder(), 'hf');
  await writeHfFolder(tinyModel(), folder);
  const { added } = await importAll(client, folder);
  const modelId = added[0]?.model.id ?? '';
  const verify = async () =>
    (await all(client.jobs.watch({ jobId: (await client.jobs.start({ spec: { kind: 'verify', modelId } })).id }))).at(-1);
  expect((await verify())?.result).toMatchObject({ matches: true, changedFiles: [] });
  await utimes(join(folder, 'model.safetensors'), 1000, 1000);
  expect((await client.library.get({ modelId })).model.hash.status).toBe('changed');
  expect((await verify())?.result).toMatchObject({ matches: true });
  expect((await client.library.get({ modelId })).model.hash.status).toBe('done');
});

test('hashes that were not made before the program ended are made by the next one, and a moved model is held against its own', async () => {
  const first = await openTest();
  const path = join(temporaryFolder(), 'm.gguf');
  await writeGeneratedModel(path);
  const { added } = await importAll(first.client, path);
  const modelId = added[0]?.model.id ?? '';
  await first.close();
  const { client } = await openTest({ home: first.home, host: { kind: 'serve' } });
  const status = async () => (await client.library.get({ modelId })).model.hash.status;
  await expect.poll(status, { timeout: 8000 }).toBe('done');

  // Of the same size and shape, with other weights: only the hash can tell.
  const other = join(temporaryFolder(), 'other.gguf');
  await writeGeneratedModel(other, { seed: 2 });
  await rm(path);
  expect(await client.library.refresh({ modelId, path: other })).toMatchObject({ path: other, state: { status: 'ready' } });
  await expect.poll(status, { timeout: 8000 }).toBe('changed');
});
