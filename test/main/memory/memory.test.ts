import { join } from 'node:path';
import { expect, test } from 'vitest';
import { GiB } from '#core/bytes.ts';
import { shapeFromFacts } from '#core/memory/shape-facts.ts';
import { defaultLoad } from '#core/memory/load.ts';
import type { AppClient } from '#contract/index.ts';
import type { MemoryMeasurement } from '#contract/memory.ts';
import { memoryRepository } from '#main/db/memory.ts';
import { openDatabase } from '#main/db/open.ts';
import { writeGeneratedModel } from '../../engine/generated-model.ts';
import { errorOf } from '../../expect-error.ts';
import { fakeEngines, type FakeEngines } from '../support/fake-engines.ts';
import { all, eventually, openTest, temporaryFolder } from '../support/open.ts';

async function addModel(client: AppClient, name: string): Promise<string> {
  const path = join(temporaryFolder(), `${name}.gguf`);
  await writeGeneratedModel(path, {});
  return (await client.library.find({ reference: path })).id;
}

const loads = (engines: FakeEngines): unknown[] => engines.asked.filter(([name]) => name === 'load').map(([, input]) => input);

/** A model that no computer holds. */
const giant = shapeFromFacts({ parameterCount: 1e15, tensorBytes: 1e15, contextLength: 4096 });

test('each load is kept with what was predicted for it, and whoever listens hears of it', async () => {
  const { client } = await openTest();
  const modelId = await addModel(client, 'teller');
  const heard: MemoryMeasurement[] = [];
  const leaving = new AbortController();
  const listening = (async () => {
    for await (const measurement of client.memory.measured({}, { signal: leaving.signal })) heard.push(measurement);
  })().catch(() => undefined);
  await client.chat.load({ modelId, contextLength: 512 });
  const { measurements } = await client.memory.measurements({});
  // What the stand-in says it has allocated.
  expect(measurements).toMatchObject([
    { kind: 'run', modelName: 'teller', device: 'processor', settings: { contextLength: 512, cacheType: 'F16' }, measuredBytes: 2_500_000 },
  ]);
  expect(measurements[0]?.predictedBytes).toBeGreaterThan(2_000_000);
  await eventually(
    () => heard.length,
    (count) => count === 1,
  );
  expect(heard).toEqual(measurements);
  leaving.abort();
  await listening;
});

test('a model that does not fit is refused before anything is loaded, and what was loaded stays', async () => {
  const { client, engines } = await openTest();
  const small = await addModel(client, 'small');
  const large = await addModel(client, 'large');
  await client.chat.load({ modelId: small });
  engines.instead.inference.shape = () => ({ shape: giant });
  const error = await errorOf(client.chat.load({ modelId: large }));
  expect(error).toMatchObject({ code: 'memory.short', params: { name: 'large' } });
  expect(error.params['missingBytes']).toBeGreaterThan(100 * GiB);
  expect(loads(engines)).toHaveLength(1);
  // The user may know better.
  expect(await client.chat.load({ modelId: large, force: true })).toMatchObject({ state: 'ready', modelId: large });
  expect(loads(engines).at(-1)).toMatchObject({ force: true });
});

test('a message to a model that does not fit says so where its answer would stand', async () => {
  const engines = fakeEngines();
  engines.instead.inference.shape = () => ({ shape: giant });
  const { client } = await openTest({ engines });
  const { id: threadId } = await client.chat.create({ modelId: await addModel(client, 'large') });
  const events = await all(client.chat.send({ threadId, parentId: null, text: 'Hello' }));
  expect(events.at(-1)).toMatchObject({ type: 'finished', message: { error: { code: 'memory.short' } } });
});

test('what the user wants a model loaded with is kept, and a loaded one is loaded anew when it is next asked', async () => {
  const { client, engines } = await openTest();
  const modelId = await addModel(client, 'teller');
  expect(await client.chat.loadSettings({ modelId })).toEqual(defaultLoad);
  await client.chat.load({ modelId });
  const settings = { contextLength: 1024, gpuLayers: 0, cacheType: 'Q8_0', flashAttention: true } as const;
  expect(await client.chat.setLoadSettings({ modelId, settings })).toEqual(settings);
  expect(await client.chat.load({ modelId })).toMatchObject({ contextLength: 1024 });
  expect(loads(engines).at(-1)).toMatchObject(settings);
  await client.chat.load({ modelId });
  expect(loads(engines)).toHaveLength(2);
  // Another one has its own.
  await client.chat.load({ modelId: await addModel(client, 'other') });
  expect(loads(engines).at(-1)).toMatchObject({ contextLength: null, cacheType: 'F16' });
  expect(await client.chat.setLoadSettings({ modelId, settings: null })).toEqual(defaultLoad);
});

test('a model’s shape is read once, and a folder has none', async () => {
  const { client, engines } = await openTest();
  const modelId = await addModel(client, 'teller');
  const { shape } = await client.memory.shape({ modelId });
  expect(shape?.layers.length).toBeGreaterThan(0);
  await client.memory.shape({ modelId });
  expect(engines.asked.filter(([name]) => name === 'shape')).toHaveLength(1);
});

test('what was measured on another computer is not told here, and only the newest are kept', () => {
  const database = openDatabase(':memory:');
  const here = memoryRepository(database, 'here');
  const there = memoryRepository(database, 'there');
  const measurement = (number: number): MemoryMeasurement => ({
    id: `m${number}`,
    timeMs: number,
    kind: 'run',
    modelName: 'teller',
    device: 'processor',
    settings: { contextLength: 512 },
    predictedBytes: 10,
    measuredBytes: 11,
  });
  there.add(measurement(0));
  for (let number = 1; number <= 205; number += 1) here.add(measurement(number));
  expect(here.list().map(({ id }) => id)).toEqual(Array.from({ length: 200 }, (_, index) => `m${205 - index}`));
  expect(there.list()).toEqual([measurement(0)]);
  database.close();
});
