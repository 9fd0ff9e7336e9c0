import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createEngines, forkEngine, type Engines } from '#main/engines/index.ts';
import { errorOf } from '#test/expect-error.ts';
import { tinyFolder } from '#test/fixtures.ts';
import { temporaryFolder } from './quantize/quantize.ts';
import { finish, options } from './tensor-client.ts';

/** The engine as a process of its own, so that it can be killed. */
const entry = fileURLToPath(new URL('../../src/engine/index.ts', import.meta.url));

const root = temporaryFolder();
const scratchFolder = join(root, 'scratch');
const folder = await tinyFolder({ embeddingLength: 256, feedForwardLength: 512 });

let engines: Engines;
beforeAll(() => mkdir(scratchFolder));
// One that was killed three times within a minute would not be started again.
beforeEach(() => {
  engines = createEngines({ spawn: (kind) => forkEngine(kind, { entry }), log: () => undefined });
});
afterEach(() => engines.close());
afterAll(() => rm(root, { recursive: true }));

const texts = { one: join(root, 'one.txt'), other: join(root, 'other.txt') };
await writeFile(texts.one, 'The little lathe turned all day long. '.repeat(2000));
await writeFile(texts.other, 'So the carpenter sat down beside it. '.repeat(2000));

/** True-sequential, on enough text that each stage takes a while. */
const request = (name: string, format: 'hf' | 'gguf', own: Parameters<typeof options>[0] = {}) => ({
  modelPath: folder,
  target: 'gptq-4',
  format,
  outputPath: join(root, name),
  name: 'tiny',
  options: options({ groupSize: 32, calibrationContext: 128, calibrationWindows: 64, calibrationPath: texts.one, ...own }),
  scratchFolder,
  threads: 1,
});
const tensor = async () => (await engines.tensor()).tensor;
const whole = async (...asked: Parameters<typeof request>) => finish((await tensor()).quantize(request(...asked)));

async function filesOf(name: string): Promise<Record<string, string>> {
  const path = join(root, name);
  const names = name.endsWith('.gguf') ? [''] : await readdir(path);
  return Object.fromEntries(await Promise.all(names.map(async (each) => [each, (await readFile(join(path, each))).toString('base64')])));
}

/** Do something in the second layer, when finished tensors have reached the disk: the embedding, norms and part of the first. */
async function midway(act: () => Promise<'leave' | undefined>, ...asked: Parameters<typeof request>): Promise<void> {
  const journal = `${request(...asked).outputPath}.partial.journal`;
  const finished = async (): Promise<number> => (await readFile(journal, 'utf8').catch(() => '')).split('\n').length - 2;
  for await (const event of (await tensor()).quantize(request(...asked))) {
    if (event.type === 'finished') throw new Error('it was too quick');
    const isCalibrating = event.phase === 'quantize.calibrating' && (event.detail ?? '').startsWith('blk.1');
    if (isCalibrating && (await finished()) > 8 && (await act()) === 'leave') return;
  }
}

const kill = async (): Promise<undefined> => {
  process.kill(engines.processes().find(({ kind }) => kind === 'tensor')?.pid ?? 0, 'SIGKILL');
};
const killed = async (...asked: Parameters<typeof request>) =>
  expect(await errorOf(midway(kill, ...asked))).toMatchObject({ code: 'engine.crashed' });

it.each(['gguf', 'hf'] as const)(
  'killed midway, it goes on from its last finished tensor to the bytes of an uninterrupted run: %s',
  async (format) => {
    const end = format === 'gguf' ? '.gguf' : '';
    await killed(`killed${end}`, format);
    // The working model of the process that is no more.
    expect(await readdir(scratchFolder)).toHaveLength(1);
    const resumed = await whole(`killed${end}`, format);
    const direct = await whole(`direct${end}`, format);
    expect(resumed.resumedTensors).toBeGreaterThan(8);
    expect(resumed.tensors).toEqual(direct.tensors);
    expect(await filesOf(`killed${end}`)).toEqual(await filesOf(`direct${end}`));
    expect(await readdir(scratchFolder)).toEqual([]);
  },
);

it('left midway, its working model is gone at once, and with another text it begins anew', async () => {
  await midway(async () => 'leave', 'left.gguf', 'gguf');
  while ((await readdir(scratchFolder)).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  expect((await readdir(root)).filter((name) => name.startsWith('left'))).toEqual(['left.gguf.partial', 'left.gguf.partial.journal']);
  const anew = await whole('left.gguf', 'gguf', { calibrationPath: texts.other });
  expect(anew.resumedTensors).toBe(0);
});
