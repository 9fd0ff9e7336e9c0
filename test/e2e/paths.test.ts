import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openFaultApp } from '../../scripts/faults/app.ts';
import { databaseProblems, keptProblems, leftoverProblems } from '../../scripts/faults/check.ts';
import { makeWorld } from '../../scripts/faults/world.ts';
import { works } from '../../scripts/faults/works.ts';

/** What people call folders: spaces, several scripts, emoji of several code points, marks that shells, patterns and addresses read. */
const strange = ['我的 模型 (最新版)', 'さくら の 重み & data #1 100%', "Мои модели, l'été 👩🏽‍🔬 '25 [x]"];

/**
 * Beyond the 260 of old Windows programs. There llama.cpp opens files without the prefix that lifts the limit, so the path stays below it.
 */
const LENGTH = process.platform === 'win32' ? 160 : 300;

/** A folder whose path has `LENGTH` characters or one less; no name in it is longer than file systems allow, 255 bytes. */
function longFolder(start: string, filling: string): string {
  let path = join(start, ...strange);
  while (path.length < LENGTH - 1)
    path = join(
      path,
      filling
        .repeat(12)
        .slice(0, LENGTH - 1 - path.length)
        .trim(),
    );
  return path;
}

test('every kind of work reads from and writes to paths of 300 characters with spaces, Chinese and emoji', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lathe-paths-'));
  // The data folder's path is as long in characters, and not in bytes: SQLite takes 512.
  const world = await makeWorld(longFolder(folder, '很长的名字 '), longFolder(folder, 'a long name '));
  expect([world.sources.length, world.home.length].every((length) => length >= LENGTH)).toBe(true);
  const { client, close } = await openFaultApp(world.home);
  try {
    const endings: [string, string][] = [];
    for (const [name, work] of Object.entries(works)) {
      const { ended } = await work.begin(client, world, join(world.outputs, `结果 🪵 ${name}`));
      endings.push([name, await ended]);
    }
    expect(endings).toEqual(Object.keys(works).map((name) => [name, 'done']));
    // Adapters go to llama.cpp by their path, too; and a conversation leaves as a file that any system can hold.
    const { id: adapterId } = await client.library.find({ reference: `${join(world.outputs, '结果 🪵 convertAdapter')}.gguf` });
    const title = 'Что: "今天" <a/b>? 🪵';
    const { id: threadId } = await client.chat.create({ title, modelId: world.ggufId, mode: 'text', sampling: { maxTokens: 8 } });
    await client.chat.update({ threadId, adapters: [{ adapterId, scale: 0.5 }] });
    const types: string[] = [];
    for await (const { type } of client.chat.send({ threadId, parentId: null, text: 'The little lathe' })) types.push(type);
    expect(types.at(-1)).toBe('finished');
    const saved = await client.chat.save({ threadId, format: 'markdown', leafId: null });
    expect(saved.name).toMatch(/^Что.*今天.*🪵.*\.md$/u);
    expect(saved.name).not.toMatch(/[<>:"/\\|?*]/);
    expect([...(await keptProblems(client, world)), ...(await leftoverProblems(client, world))]).toEqual([]);
  } finally {
    await close();
  }
  expect(databaseProblems(world.home)).toEqual([]);
}, 120_000);
