import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { AppClient } from '#contract/index.ts';
import { AppError } from '#core/errors/index.ts';
import { writeGeneratedModel } from '../../engine/generated-model.ts';
import { errorOf } from '../../expect-error.ts';
import { adapterFolder } from '../support/fake-adapters.ts';
import { all, openTest, temporaryFolder } from '../support/open.ts';

async function addModel(client: AppClient, name: string) {
  const path = join(temporaryFolder(), `${name}.gguf`);
  await writeGeneratedModel(path);
  return client.library.find({ reference: path });
}

/** A thread with one adapter at half its strength. */
async function withAdapter() {
  const opened = await openTest();
  const { client, engines } = opened;
  const { id: modelId } = await addModel(client, 'teller');
  const adapter = await client.library.find({ reference: adapterFolder });
  const adapters = [{ adapterId: adapter.id, scale: 0.5, isOn: true }];
  const { id: threadId } = await client.chat.create({ modelId, adapters });
  const say = async (text: string) => {
    const last = (await all(client.chat.send({ threadId, parentId: null, text }))).at(-1);
    if (last?.type !== 'finished') throw new Error('the answer did not end');
    return last.message;
  };
  const loads = () => engines.asked.filter(([name]) => name === 'load').map(([, input]) => input);
  return { ...opened, modelId, adapter, adapters, threadId, say, loads };
}

test('an answer is made with the adapters that are on, and tells them; a thread keeps those that are off', async () => {
  const { client, threadId, adapter, adapters, say, loads } = await withAdapter();
  const used = [{ adapterId: adapter.id, name: adapter.name, scale: 0.5 }];
  expect((await say('One')).facts?.adapters).toEqual(used);
  expect(loads()).toMatchObject([{ adapters: [{ path: adapter.path, scale: 0.5 }] }]);
  await client.chat.update({ threadId, adapters: adapters.map((each) => ({ ...each, isOn: false })) });
  expect((await say('Two')).facts).not.toHaveProperty('adapters');
  const { thread } = await client.chat.thread({ threadId });
  expect(thread.adapters).toEqual([{ adapterId: adapter.id, scale: 0.5, isOn: false }]);
});

test('the engine is asked for a context only where a set or a strength is another one, and keeps the length of its context', async () => {
  const { client, modelId, threadId, adapter, say, loads } = await withAdapter();
  await client.chat.load({ modelId, contextLength: 512 });
  await say('One');
  await say('Two');
  await client.chat.update({ threadId, adapters: [{ adapterId: adapter.id, scale: -1, isOn: true }] });
  await say('Three');
  expect(loads()).toMatchObject([
    { contextLength: 512, adapters: [] },
    { contextLength: 512, adapters: [{ scale: 0.5 }] },
    { contextLength: 512, adapters: [{ scale: -1 }] },
  ]);
});

test('another answer can be made with other adapters or another model, and the thread stays as it is', async () => {
  const { client, threadId, modelId, adapters, say } = await withAdapter();
  const first = await say('One');
  const other = await addModel(client, 'other');
  const answer = async (change: object) =>
    (await all(client.chat.regenerate({ threadId, messageId: first.id, seed: 7, ...change }))).at(-1);
  expect(await answer({ adapters: [] })).toMatchObject({
    message: { parentId: first.parentId, facts: { modelId, sampling: { seed: 7 } } },
  });
  expect(await answer({ modelId: other.id, adapters: [] })).toMatchObject({ message: { facts: { modelName: 'other' } } });
  expect((await client.chat.thread({ threadId })).thread).toMatchObject({ modelId, adapters });
});

test('an adapter that does not fit is told in the answer, and the model that was loaded stays', async () => {
  const { client, engines, threadId, say, loads } = await withAdapter();
  await client.chat.update({ threadId, adapters: [] });
  await say('One');
  const works = engines.instead.inference.load;
  engines.instead.inference.load = async function* () {
    yield { type: 'stage', stage: 'starting', fraction: null };
    throw new AppError('adapters.noSuchWeight', { tensor: 'q_proj', count: 1 });
  };
  const { adapter } = await client.library
    .find({ reference: adapterFolder })
    .then((found) => ({ adapter: { adapterId: found.id, scale: 1, isOn: true } }));
  await client.chat.update({ threadId, adapters: [adapter] });
  expect((await say('Two')).error?.code).toBe('adapters.noSuchWeight');
  for await (const status of client.chat.status({})) {
    expect(status.state).toBe('ready');
    break;
  }
  if (works === undefined) delete engines.instead.inference.load;
  else engines.instead.inference.load = works;
  await client.chat.update({ threadId, adapters: [] });
  expect((await say('Three')).error).toBeNull();
  // What was there before was still there.
  expect(loads()).toHaveLength(1);
});

test('a model is no adapter, and strengths have bounds', async () => {
  const { client, modelId } = await withAdapter();
  const generate = (adapters: { adapterId: string; scale: number }[]) =>
    errorOf(all(client.chat.generate({ modelId, prompt: 'One', adapters })));
  expect((await generate([{ adapterId: modelId, scale: 1 }])).code).toBe('jobs.needsAdapter');
  expect((await generate([{ adapterId: modelId, scale: 8.5 }])).code).toBe('request.invalid');
  expect((await generate(Array.from({ length: 17 }, () => ({ adapterId: modelId, scale: 1 })))).code).toBe('request.invalid');
});

test('a conversation in a file names its adapters, and points to none of another library', async () => {
  const { client, threadId, adapter, say } = await withAdapter();
  await say('One');
  const { name, text } = await client.chat.save({ threadId, format: 'json', leafId: null });
  const { id } = await client.chat.open({ name, text });
  const opened = await client.chat.thread({ threadId: id });
  expect(opened.thread.adapters).toEqual([]);
  expect(opened.messages[1]?.facts?.adapters).toEqual([{ adapterId: null, name: adapter.name, scale: 0.5 }]);
});
