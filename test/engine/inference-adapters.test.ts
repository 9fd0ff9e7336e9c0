import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createEngines, forkEngine, type EngineClient, type Engines } from '#main/engines/index.ts';
import { errorOf } from '#test/expect-error.ts';
import { merge, randomAdapter } from './lora/adapters.ts';
import { writeGeneratedModel } from './generated-model.ts';

const entry = fileURLToPath(new URL('../../src/engine/index.ts', import.meta.url));
type Inference = EngineClient<'inference'>['inference'];
type Adapters = NonNullable<Parameters<Inference['load']>[0]['adapters']>;

let folder: string;
let engines: Engines;
let adapter: string;
let base: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lathe inference adapters '));
  base = join(folder, 'base.gguf');
  await writeGeneratedModel(base);
  const modules = ['q_proj', 'v_proj', 'o_proj'].map((name) => [`model.layers.1.self_attn.${name}`, 64, 64] as const);
  adapter = await randomAdapter(join(folder, 'adapter'), modules, { lora_alpha: 64 });
  engines = createEngines({ spawn: (kind) => forkEngine(kind, { entry }), log: () => undefined });
});
afterAll(async () => {
  await engines.close();
  await rm(folder, { recursive: true });
});

/** Stages of the load. */
async function load(modelPath: string, adapters: Adapters): Promise<readonly string[]> {
  const { inference } = await engines.inference();
  const stages: string[] = [];
  for await (const event of inference.load({ modelPath, adapters, contextLength: 256, threads: 1, scratchFolder: folder })) {
    if (event.type === 'ready') return stages;
    stages.push(event.stage);
  }
  throw new Error('the load ended without being ready');
}

async function answer(): Promise<string> {
  const { inference } = await engines.inference();
  const turns = [{ role: 'user' as const, text: 'in the' }];
  let text = '';
  for await (const event of inference.generate({ mode: 'text', systemPrompt: '', turns, sampling: { temperature: 0, maxTokens: 24 } }))
    if (event.type === 'text') text += event.text;
  return text;
}

test('adapters change what a model says, at the strength that is asked for, without its weights being read again', async () => {
  const merged = join(folder, 'merged.gguf');
  await merge(base, [[adapter, 1]], merged);
  await load(merged, []);
  const expected = await answer();
  expect(await load(base, [])).toContain('reading');
  const plain = await answer();
  expect(expected).not.toBe(plain);
  expect(await load(base, [{ path: adapter, scale: 1 }])).not.toContain('reading');
  expect(await answer()).toBe(expected);
  // Taken off as far as it was put on, and off altogether.
  await load(base, [
    { path: adapter, scale: 1 },
    { path: adapter, scale: -1 },
  ]);
  expect(await answer()).toBe(plain);
  await load(base, [{ path: adapter, scale: 0 }]);
  expect(await answer()).toBe(plain);
});

test('an adapter that does not fit is refused before llama.cpp sees it', async () => {
  const other = await randomAdapter(join(folder, 'other'), [['model.layers.7.self_attn.q_proj', 64, 64]]);
  const failed = await errorOf(load(base, [{ path: other, scale: 1 }]));
  expect(failed.code).toBe('adapters.noSuchWeight');
});

test('where an adapter does not fit, the model goes on answering as it did', async () => {
  const other = await randomAdapter(join(folder, 'unfit'), [['model.layers.7.self_attn.q_proj', 64, 64]]);
  await load(base, [{ path: adapter, scale: 0.5 }]);
  const before = await answer();
  await errorOf(load(base, [{ path: other, scale: 1 }]));
  expect(await answer()).toBe(before);
});

test('a change of strength converts nothing again; an adapter whose files changed is read again; nothing stays behind', async () => {
  const changing = join(folder, 'changing');
  const modules = [['model.layers.1.mlp.down_proj', 64, 128]] as const;
  await randomAdapter(changing, modules, { lora_alpha: 64 });
  const converted = async (): Promise<string[]> => (await readdir(folder)).filter((name) => name.startsWith('working-')).toSorted();
  const one = [{ path: changing, scale: 1 }];
  await load(base, one);
  const made = await converted();
  const first = await answer();
  await load(base, [{ path: changing, scale: 0.5 }]);
  await load(base, one);
  expect(await answer()).toBe(first);
  expect(await converted()).toEqual(made);

  await rm(changing, { recursive: true });
  await randomAdapter(changing, modules, { lora_alpha: 256 });
  await load(base, one);
  expect(await converted()).not.toEqual(made);
  expect(await answer()).not.toBe(first);

  const { inference } = await engines.inference();
  await inference.unload({});
  expect(await converted()).toEqual([]);
});
