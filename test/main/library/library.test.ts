import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AppError } from '#core/errors/index.ts';
import type { ModelFacts } from '#core/model/facts.ts';
import { writeHfFolder } from '#engine/demo.ts';
import { distance } from '#main/library/near.ts';
import { fileNameOf, folderModelName, resolveUserPath } from '#main/library/paths.ts';
import { openDatabase } from '#main/db/open.ts';
import { modelRepository } from '#main/db/models.ts';
import { CHAT_TEMPLATE, writeGeneratedModel } from '../../engine/generated-model.ts';
import { errorOf } from '../../expect-error.ts';
import { tinyModel } from '../../fixtures.ts';
import { all, openTest, temporaryFolder } from '../support/open.ts';

/** Write GGUF files and add them all; their entries by name. */
async function withModels(names: readonly string[], options: Parameters<typeof openTest>[0] = {}) {
  const opened = await openTest(options);
  const folder = temporaryFolder();
  for (const name of names) await writeGeneratedModel(join(folder, `${name}.gguf`));
  await all(opened.client.library.import({ path: folder }));
  const models = new Map((await opened.client.library.list({})).map((model) => [model.name, model]));
  const idOf = (name: string): string => models.get(name)?.id ?? '';
  return { ...opened, folder, idOf };
}

test('a model is found by id, name, beginning of a name, and path', async () => {
  const { client, folder, idOf } = await withModels(['llama-small', 'qwen-tiny']);
  const find = async (reference: string) => (await client.library.find({ reference })).name;
  expect(await find(idOf('qwen-tiny'))).toBe('qwen-tiny');
  expect(await find('qwen-tiny')).toBe('qwen-tiny');
  expect(await find('Qwen')).toBe('qwen-tiny');
  expect(await find(join(folder, 'qwen-tiny.gguf'))).toBe('qwen-tiny');
});

test('a path that is not listed yet is added by link; a folder means the model that it is', async () => {
  const { client } = await openTest();
  const folder = join(temporaryFolder(), 'story');
  await writeHfFolder(tinyModel(), folder);
  await writeGeneratedModel(join(folder, 'story-f32.gguf'));
  expect(await client.library.find({ reference: folder })).toMatchObject({ kind: 'hf', path: folder, origin: 'link' });
  expect(await client.library.find({ reference: folder })).toMatchObject({ kind: 'hf' });
  expect(await client.library.list({})).toHaveLength(1);
});

test('what is not there names what is near; what is several names the ids', async () => {
  const { client, folder, idOf } = await withModels(['llama-small', 'qwen-tiny']);
  expect(await errorOf(client.library.find({ reference: 'lama-smal' }))).toMatchObject({
    code: 'library.notFoundNear',
    params: { near: 'llama-small, qwen-tiny' },
  });
  await client.library.update({ modelId: idOf('qwen-tiny'), name: 'llama-small' });
  const { code, params } = await errorOf(client.library.find({ reference: 'llama-small' }));
  expect(code).toBe('library.ambiguous');
  expect(params['candidates']).toContain(idOf('qwen-tiny'));
  expect(params['candidates']).toContain(idOf('llama-small'));
  expect(await errorOf(client.library.find({ reference: folder }))).toMatchObject({ code: 'library.severalModels' });
  const empty = await openTest();
  expect(await errorOf(empty.client.library.find({ reference: 'x' }))).toMatchObject({ code: 'library.notFound' });
});

test('tags, notes and favourites are kept', async () => {
  const { client, idOf } = await withModels(['a']);
  const modelId = idOf('a');
  await client.library.update({ modelId, tags: ['draft', 'draft', '中文'], note: 'for the train', favourite: true });
  await client.library.update({ modelId, name: 'Renamed' });
  expect((await client.library.list({}))[0]).toMatchObject({
    name: 'Renamed',
    tags: ['draft', '中文'],
    note: 'for the train',
    favourite: true,
  });
  expect(await errorOf(client.library.update({ modelId: 'nobody', note: '' }))).toMatchObject({ code: 'library.unknownModel' });
});

test('details hold the files, the template, the settings and the tensors of both formats', async () => {
  const { client, idOf } = await withModels(['a']);
  const gguf = await client.library.get({ modelId: idOf('a') });
  expect(gguf.chatTemplate).toBe(CHAT_TEMPLATE);
  expect(gguf.lineage).toEqual({ parents: [], recipe: null, versions: {}, children: [] });
  const metadata = new Map((await client.library.metadata({ modelId: idOf('a') })).map((row) => [row.key, row]));
  expect(metadata.get('llama.block_count')).toEqual({ key: 'llama.block_count', type: 'u32', value: '2', length: null });
  expect(metadata.get('tokenizer.ggml.tokens')).toMatchObject({
    type: 'str[]',
    value: expect.stringMatching(/^\["<unk>", "<s>", .*, …\]$/) as string,
  });
  const page = await client.library.tensors({ modelId: idOf('a'), offset: 1, limit: 2 });
  expect(page.rows).toHaveLength(2);
  expect(page.total).toBe(gguf.model.facts.tensorCount);
  const embedding = (await client.library.tensors({ modelId: idOf('a') })).rows.find(({ name }) => name === 'token_embd.weight');
  // Rows first: as many as the vocabulary has tokens.
  expect(embedding?.shape).toEqual([gguf.model.facts.vocabularySize, 64]);

  const folder = join(temporaryFolder(), 'hf');
  await writeHfFolder(tinyModel(), folder);
  const { id: modelId } = await client.library.find({ reference: folder });
  const hf = await client.library.get({ modelId });
  expect(hf.chatTemplate).toContain('{%');
  expect(hf.files.map(({ name }) => name)).toContain('tokenizer.json');
  expect(await client.library.metadata({ modelId })).toContainEqual({ key: 'hidden_size', type: 'number', value: '64', length: null });
  expect((await client.library.tensors({ modelId })).rows).toContainEqual({
    name: 'model.norm.weight',
    type: 'BF16',
    shape: [64],
    sizeBytes: 128,
    file: 'model.safetensors',
  });
});

test('removing keeps the files, trashes them, or deletes them, as asked', async () => {
  const trashed: string[] = [];
  const { client, folder, idOf } = await withModels(['a', 'b', 'c'], { host: { trash: async (path) => void trashed.push(path) } });
  expect(await client.library.remove({ modelId: idOf('a') })).toEqual({ files: 'kept' });
  expect(await client.library.remove({ modelId: idOf('b'), files: 'trash' })).toEqual({ files: 'trashed' });
  expect(await client.library.remove({ modelId: idOf('c'), files: 'delete' })).toEqual({ files: 'deleted' });
  expect(trashed).toEqual([join(folder, 'b.gguf')]);
  expect(await readdir(folder)).toEqual(['a.gguf', 'b.gguf']);
  expect(await client.library.list({})).toEqual([]);
});

test('where the trash fails nothing is deleted, and the entry stays', async () => {
  const trash = async (path: string): Promise<void> => {
    throw new AppError('host.noTrash', { path });
  };
  const { client, folder, idOf } = await withModels(['a'], { host: { trash } });
  expect(await errorOf(client.library.remove({ modelId: idOf('a'), files: 'trash' }))).toMatchObject({ code: 'host.noTrash' });
  expect(existsSync(join(folder, 'a.gguf'))).toBe(true);
  expect(await client.library.list({})).toHaveLength(1);
});

test('a folder goes as a whole only when nothing but the model is in it', async () => {
  const { client } = await openTest();
  const root = temporaryFolder();
  const remove = async (name: string, extra?: string): Promise<string[]> => {
    const folder = join(root, name);
    await writeHfFolder(tinyModel(), folder);
    await writeFile(join(folder, 'README.md'), '# A model');
    if (extra !== undefined) {
      await mkdir(join(folder, extra, '..'), { recursive: true });
      await writeFile(join(folder, extra), 'mine');
    }
    const { id: modelId } = await client.library.find({ reference: folder });
    await client.library.remove({ modelId, files: 'delete' });
    return existsSync(folder) ? readdir(folder, { recursive: true }) : ['(gone)'];
  };
  expect(await remove('plain')).toEqual(['(gone)']);
  expect(await remove('with-notes', 'notes.txt')).toEqual(expect.arrayContaining(['README.md', 'notes.txt']));
  expect(await remove('with-deep-notes', join('deep', 'notes.txt'))).toContain(join('deep', 'notes.txt'));
});

test('a link is removed, not what it leads to', async () => {
  const { client } = await openTest();
  const folder = temporaryFolder();
  await writeGeneratedModel(join(folder, 'real.gguf'));
  await mkdir(join(folder, 'links'));
  await symlink(join(folder, 'real.gguf'), join(folder, 'links', 'link.gguf'));
  const { id: modelId } = await client.library.find({ reference: join(folder, 'links', 'link.gguf') });
  await client.library.remove({ modelId, files: 'delete' });
  expect(await readdir(join(folder, 'links'))).toEqual([]);
  expect(existsSync(join(folder, 'real.gguf'))).toBe(true);
});

test('changes are told once each, with the newest state', async () => {
  const { client, idOf } = await withModels(['a']);
  const leave = new AbortController();
  const seen: string[] = [];
  const listening = (async () => {
    for await (const event of client.library.changes({}, { signal: leave.signal }))
      seen.push(event.type === 'changed' ? `${event.model.note}` : `removed ${event.modelId}`);
  })().catch(() => undefined);
  // The stream is open as soon as a later request was answered.
  await client.library.list({});
  await client.library.update({ modelId: idOf('a'), note: 'one' });
  await client.library.update({ modelId: idOf('a'), note: 'two' });
  await client.library.remove({ modelId: idOf('a') });
  await expect.poll(() => seen.at(-1)).toBe(`removed ${idOf('a')}`);
  expect(seen[0]).toBe('one');
  leave.abort();
  await listening;
});

test('two thousand models are listed in a fifth of a second', async () => {
  const { client, home, close } = await openTest();
  const folder = temporaryFolder();
  await writeGeneratedModel(join(folder, 'one.gguf'));
  await all(client.library.import({ path: folder }));
  const [one] = await client.library.list({});
  await close();
  const database = openDatabase(join(home, 'lathe.db'));
  const repository = modelRepository(database);
  const files2000 = Array.from({ length: 2000 }, (_, number) => join(folder, `model-${number}.gguf`));
  for (const path of files2000) writeFileSync(path, 'x');
  database.write(() => {
    for (const [number, path] of files2000.entries()) {
      const { size: sizeBytes, mtimeMs: modifiedMs } = statSync(path);
      const files = [{ name: `model-${number}.gguf`, sizeBytes, modifiedMs, sha256: null }];
      repository.add({
        id: `m${number}`,
        kind: 'gguf',
        name: `model ${number}`,
        path,
        realPath: path,
        origin: 'link',
        facts: (one?.facts ?? {}) as ModelFacts,
        files,
        addedMs: number,
      });
    }
  });
  database.close();
  const again = await openTest({ home });
  // The best of three: the machine does other things too.
  const tookMs: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const startMs = performance.now();
    expect(await again.client.library.list({})).toHaveLength(2001);
    tookMs.push(performance.now() - startMs);
  }
  expect(Math.min(...tookMs)).toBeLessThan(1000);
});

test('paths are taken as users write them', () => {
  expect(resolveUserPath('~', '/home/ada')).toBe('/home/ada');
  expect(resolveUserPath('~/models/../m.gguf', '/home/ada')).toBe('/home/ada/m.gguf');
  expect(resolveUserPath('"/data/my models"', '/home/ada')).toBe('/data/my models');
  expect(() => resolveUserPath('m.gguf', '/home/ada')).toThrow(AppError);
});

test.each([
  ['CON', '_CON'],
  ['nul.txt', '_nul.txt'],
  ['a/b\\c:d', 'a_b_c_d'],
  ['..', 'model'],
  [' . ', 'model'],
  ['故事 1', '故事 1'],
  ['模'.repeat(100), '模'.repeat(66)],
])('the file name of %j is %j', (name, fileName) => {
  expect(fileNameOf(name)).toBe(fileName);
});

test('a model in the cache of huggingface_hub has its own name, not the commit’s', () => {
  const commit = '0123456789abcdef0123456789abcdef01234567';
  expect(folderModelName(`/cache/hub/models--Qwen--Qwen3-0.6B/snapshots/${commit}`)).toBe('Qwen3-0.6B');
  expect(folderModelName('/models/story')).toBe('story');
});

test('the distance of texts is that of the textbook', () => {
  expect(distance('kitten', 'sitting')).toBe(3);
  expect(distance('', 'abc')).toBe(3);
  expect(distance('same', 'same')).toBe(0);
});
