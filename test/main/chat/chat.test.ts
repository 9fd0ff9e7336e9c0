import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { EngineStatus, Message } from '#contract/chat.ts';
import type { AppClient } from '#contract/index.ts';
import { AppError } from '#core/errors/index.ts';
import { writeHfFolder } from '#engine/demo.ts';
import { writeGeneratedModel, type GeneratedModel } from '../../engine/generated-model.ts';
import { errorOf } from '../../expect-error.ts';
import { tinyModel } from '../../fixtures.ts';
import { fakeEngines, untilAborted } from '../support/fake-engines.ts';
import { all, eventually, openTest, temporaryFolder, type OpenOptions } from '../support/open.ts';

async function addModel(client: AppClient, name: string, options: GeneratedModel = {}): Promise<string> {
  const path = join(temporaryFolder(), `${name}.gguf`);
  await writeGeneratedModel(path, options);
  return (await client.library.find({ reference: path })).id;
}

/** The services with one model, and a thread for it. */
async function withThread(options: OpenOptions = {}) {
  const opened = await openTest(options);
  const modelId = await addModel(opened.client, 'teller');
  const { id: threadId } = await opened.client.chat.create({ modelId });
  return { ...opened, modelId, threadId };
}

const messagesOf = async (client: AppClient, threadId: string): Promise<Message[]> => (await client.chat.thread({ threadId })).messages;

/** Words without an end, one every few milliseconds. */
const endless = Array.from({ length: 10_000 }, (_, number) => ` ${number}`);

test('a message gets an answer: both are saved, the events come in order, and the answer has its figures', async () => {
  const { client, threadId, modelId } = await withThread();
  const events = await all(client.chat.send({ threadId, parentId: null, text: 'Tell me a story' }));
  const types = events.map(({ type }) => type).filter((type, index, list) => type !== list[index - 1]);
  expect(types).toEqual(['started', 'loading', 'prompt', 'text', 'finished']);
  const [started] = events;
  expect(started).toMatchObject({
    messages: [
      { role: 'user', text: 'Tell me a story', parentId: null },
      { role: 'assistant', text: '' },
    ],
  });
  expect(events.flatMap((event) => (event.type === 'text' ? [event.text] : [])).join('')).toBe('Once upon a time');
  const [question, answer] = await messagesOf(client, threadId);
  expect(answer).toMatchObject({
    role: 'assistant',
    parentId: question?.id,
    text: 'Once upon a time',
    error: null,
    // The seed that was drawn, so that the answer can be made again.
    facts: { modelId, modelName: 'teller', promptTokens: 5, answerTokens: 3, stopReason: 'end', sampling: { seed: 4711 } },
  });
  expect(events.at(-1)).toEqual({ type: 'finished', message: answer });
  expect(await client.chat.threads({})).toMatchObject([{ id: threadId, title: 'Tell me a story', modelId }]);
  expect((await client.library.list({}))[0]?.lastUsedMs).not.toBeNull();
});

test('the engine gets the way to the message, the system prompt and the sampling of the thread', async () => {
  const { client, threadId, engines } = await withThread();
  const { sampling } = await client.chat.update({ threadId, systemPrompt: 'You are a lathe.', sampling: { temperature: 0 } });
  await all(client.chat.send({ threadId, parentId: null, text: 'One' }));
  const [, first] = await messagesOf(client, threadId);
  await all(client.chat.send({ threadId, parentId: first?.id ?? '', text: 'Two' }));
  const generated = engines.asked.filter(([name]) => name === 'generate').map(([, input]) => input);
  expect(generated.at(-1)).toEqual({
    mode: 'chat',
    systemPrompt: 'You are a lathe.',
    sampling,
    turns: [
      { role: 'user', text: 'One' },
      { role: 'assistant', text: 'Once upon a time' },
      { role: 'user', text: 'Two' },
    ],
  });
  // The model is loaded once.
  expect(engines.asked.filter(([name]) => name === 'load')).toHaveLength(1);
});

test('another answer is a sibling of the present one', async () => {
  const { client, threadId } = await withThread();
  await all(client.chat.send({ threadId, parentId: null, text: 'One' }));
  const [question, first] = await messagesOf(client, threadId);
  const events = await all(client.chat.regenerate({ threadId, messageId: first?.id ?? '' }));
  expect(events[0]).toMatchObject({ type: 'started', messages: [{ role: 'assistant', parentId: question?.id }] });
  const messages = await messagesOf(client, threadId);
  expect(messages.map(({ parentId }) => parentId)).toEqual([null, question?.id, question?.id]);
  await client.chat.removeMessage({ threadId, messageId: question?.id ?? '' });
  expect(await messagesOf(client, threadId)).toEqual([]);
});

test('who leaves the stream stops the answer; what came is saved with its figures', async () => {
  const { client, threadId, engines } = await withThread({ engines: fakeEngines(endless) });
  let seen = '';
  for await (const event of client.chat.send({ threadId, parentId: null, text: 'Count' })) {
    if (event.type === 'text') seen += event.text;
    if (seen.length > 20) break;
  }
  const [, answer] = await eventually(
    () => messagesOf(client, threadId),
    ([, message]) => message?.facts !== null,
  );
  expect(answer?.text.startsWith(seen)).toBe(true);
  expect(answer).toMatchObject({ error: null, facts: { stopReason: 'stopped' } });
  expect(answer?.facts?.answerTokens).toBeGreaterThan(5);
  expect(engines.asked.some(([name]) => name === 'stop')).toBe(true);
});

test('an engine that dies is told in the answer, what came is kept, and the next message works', async () => {
  const { client, threadId, engines } = await withThread({ engines: fakeEngines(endless) });
  const events = [];
  for await (const event of client.chat.send({ threadId, parentId: null, text: 'Count' })) {
    events.push(event);
    if (event.type === 'text' && events.filter(({ type }) => type === 'text').length === 5) engines.crash('inference');
  }
  const last = events.at(-1);
  expect(last).toMatchObject({
    type: 'finished',
    message: { facts: null, error: { code: 'engine.crashed', params: { reason: 'SIGSEGV' } } },
  });
  const [, failed] = await messagesOf(client, threadId);
  expect(failed?.text).toMatch(/^ 0 1 2 3/);
  const [status] = await firstOf(client.chat.status({}));
  expect(status).toMatchObject({ state: 'failed', error: { code: 'engine.crashed' } });

  engines.instead.inference.generate = async function* (input) {
    yield { type: 'text', text: 'Again' };
    const facts = {
      promptTokens: 1,
      cachedTokens: 0,
      answerTokens: 1,
      timeToFirstTokenMs: 1,
      tokensPerSecond: null,
      stopReason: 'end' as const,
    };
    yield { type: 'finished', stopReason: 'end', facts: { sampling: input.sampling, ...facts } };
  };
  const again = await all(client.chat.send({ threadId, parentId: failed?.id ?? '', text: 'Go on' }));
  expect(again.at(-1)).toMatchObject({ message: { text: 'Again', error: null } });
  expect(engines.asked.filter(([name]) => name === 'load')).toHaveLength(2);
});

/** The first values of a stream that has no end. */
async function firstOf<T>(values: AsyncIterable<T>, count = 1): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) {
    list.push(value);
    if (list.length === count) break;
  }
  return list;
}

test('a model that cannot be loaded is told in the answer, and in the status', async () => {
  const { client, threadId, engines } = await withThread();
  engines.instead.inference.load = async function* () {
    throw new AppError('engine.insufficientMemory', { file: 'teller.gguf' });
  };
  const events = await all(client.chat.send({ threadId, parentId: null, text: 'Hello' }));
  expect(events.at(-1)).toMatchObject({ type: 'finished', message: { text: '', error: { code: 'engine.insufficientMemory' } } });
  expect(await firstOf(client.chat.status({}))).toMatchObject([{ state: 'failed', error: { code: 'engine.insufficientMemory' } }]);
});

test('what cannot be answered is refused before anything is saved', async () => {
  const { client, threadId } = await withThread();
  const folder = join(temporaryFolder(), 'hf');
  await writeHfFolder(tinyModel(), folder);
  const { id: hfId } = await client.library.find({ reference: folder });
  const send = (input: Partial<{ threadId: string; parentId: string | null }>) =>
    errorOf(all(client.chat.send({ threadId, parentId: null, text: 'Hello', ...input })));
  expect(await send({ threadId: 'nobody' })).toMatchObject({ code: 'chat.unknownThread' });
  expect(await send({ parentId: 'nobody' })).toMatchObject({ code: 'chat.unknownMessage' });
  await client.chat.update({ threadId, modelId: hfId });
  expect(await send({})).toMatchObject({ code: 'chat.needsGguf', params: { name: 'hf' } });
  await client.chat.update({ threadId, modelId: null });
  expect(await send({})).toMatchObject({ code: 'chat.noModel' });
  expect(await errorOf(client.chat.load({ modelId: hfId }))).toMatchObject({ code: 'chat.needsGguf' });
  expect(await messagesOf(client, threadId)).toEqual([]);
});

test('answers are made one at a time, in the order of their asking', async () => {
  const { client, threadId, modelId, engines } = await withThread();
  const { id: otherId } = await client.chat.create({ modelId });
  const gate = Promise.withResolvers<void>();
  const usualOrder: string[] = [];
  engines.instead.inference.generate = async function* (input) {
    const text = input.turns.at(-1)?.text ?? '';
    usualOrder.push(text);
    if (text === 'first') await gate.promise;
    yield { type: 'text', text };
    const facts = {
      promptTokens: 1,
      cachedTokens: 0,
      answerTokens: 1,
      timeToFirstTokenMs: 1,
      tokensPerSecond: null,
      stopReason: 'end' as const,
    };
    yield { type: 'finished', stopReason: 'end', facts: { sampling: input.sampling, ...facts } };
  };
  const first = all(client.chat.send({ threadId, parentId: null, text: 'first' }));
  await eventually(
    () => usualOrder.length,
    (count) => count === 1,
  );
  const second = all(client.chat.send({ threadId: otherId, parentId: null, text: 'second' }));
  // The one that waits is there to be seen.
  await eventually(
    () => messagesOf(client, otherId),
    (messages) => messages.length === 2,
  );
  expect(usualOrder).toEqual(['first']);
  gate.resolve();
  expect((await first).at(-1)).toMatchObject({ message: { text: 'first' } });
  expect((await second).at(-1)).toMatchObject({ message: { text: 'second' } });
});

test('one that is stopped while it waits is saved as stopped, and holds nobody up', async () => {
  const { client, threadId, modelId, engines } = await withThread();
  const gate = Promise.withResolvers<void>();
  engines.instead.inference.load = async function* () {
    await gate.promise;
    yield { type: 'ready', contextLength: 1, gpuLayers: 0, threads: 1, hasChatTemplate: true, gpu: null, allocated: null };
  };
  const first = all(client.chat.send({ threadId, parentId: null, text: 'first' }));
  const { id: otherId } = await client.chat.create({ modelId });
  for await (const event of client.chat.send({ threadId: otherId, parentId: null, text: 'second' })) if (event.type === 'started') break;
  const [, waiting] = await eventually(
    () => messagesOf(client, otherId),
    ([, message]) => message?.facts !== null,
  );
  expect(waiting).toMatchObject({ text: '', error: null, facts: { stopReason: 'stopped', answerTokens: 0 } });
  gate.resolve();
  expect((await first).at(-1)).toMatchObject({ message: { text: 'Once upon a time' } });
});

test('when the program closes, the answer that is being made is saved as far as it is', async () => {
  const { client, threadId, home, close } = await withThread({ engines: fakeEngines(endless) });
  let words = 0;
  const listening = (async () => {
    for await (const event of client.chat.send({ threadId, parentId: null, text: 'Count' })) if (event.type === 'text') words += 1;
  })().catch(() => undefined);
  await eventually(
    () => words,
    (count) => count > 5,
  );
  await close();
  await listening;
  const again = await openTest({ home });
  const [, answer] = await messagesOf(again.client, threadId);
  expect(answer?.text).toMatch(/^ 0 1 2 3 4/);
  expect(answer).toMatchObject({ error: null, facts: { stopReason: 'stopped' } });
});

test('a long answer is saved every second, so that a crash of everything costs little', async () => {
  const { client, threadId, home } = await withThread({ engines: fakeEngines(endless) });
  const stop = new AbortController();
  const listening = all(client.chat.send({ threadId, parentId: null, text: 'Count' }, { signal: stop.signal })).catch(() => undefined);
  // Another program reads the same database.
  const other = await openTest({ home });
  await delay(300);
  const [, answer] = await eventually(
    () => messagesOf(other.client, threadId),
    ([, message]) => (message?.text.length ?? 0) > 50,
  );
  expect(answer?.facts).toBeNull();
  stop.abort();
  await listening;
});

test('a model without a template continues text; the choice follows the model until the user makes one', async () => {
  const { client, modelId } = await withThread();
  const baseId = await addModel(client, 'base', { chatTemplate: null });
  const { id: threadId, mode } = await client.chat.create({ modelId: baseId });
  expect(mode).toBe('text');
  expect(await client.chat.update({ threadId, modelId })).toMatchObject({ mode: 'chat' });
  expect(await client.chat.update({ threadId, mode: 'text' })).toMatchObject({ mode: 'text' });
  expect(await client.chat.update({ threadId, title: 'Mine' })).toMatchObject({ mode: 'text', title: 'Mine' });
  expect(await client.chat.create({})).toMatchObject({ mode: 'chat', modelId: null, title: '' });
});

test('a removed thread comes back whole, and one that is being answered is stopped first', async () => {
  const { client, threadId } = await withThread({ engines: fakeEngines(endless) });
  const sending = all(client.chat.send({ threadId, parentId: null, text: 'Count' }));
  await eventually(
    () => messagesOf(client, threadId),
    (messages) => messages.length === 2,
  );
  await client.chat.remove({ threadId });
  expect((await sending).at(-1)).toMatchObject({ type: 'finished', message: { facts: { stopReason: 'stopped' } } });
  expect(await client.chat.threads({})).toEqual([]);
  expect(await errorOf(client.chat.thread({ threadId }))).toMatchObject({ code: 'chat.unknownThread' });
  await client.chat.restore({ threadId });
  expect(await messagesOf(client, threadId)).toHaveLength(2);
});

test('loading and unloading are told by the status, and a context is loaded as asked', async () => {
  const { client, modelId, engines } = await withThread();
  const stop = new AbortController();
  const seen: EngineStatus[] = [];
  const listening = (async () => {
    for await (const status of client.chat.status({}, { signal: stop.signal })) seen.push(status);
  })().catch(() => undefined);
  await eventually(
    () => seen.length,
    (count) => count === 1,
  );
  expect(await client.chat.load({ modelId, contextLength: 512 })).toMatchObject({
    state: 'ready',
    modelId,
    contextLength: 512,
    generating: false,
  });
  expect(await client.chat.load({ modelId })).toMatchObject({ contextLength: 512 });
  expect(engines.asked.filter(([name]) => name === 'load')).toHaveLength(1);
  expect(await client.chat.load({ modelId, contextLength: 1024 })).toMatchObject({ contextLength: 1024 });
  expect(await client.chat.unload({})).toEqual({ state: 'empty' });
  await eventually(
    () => seen.at(-1)?.state,
    (state) => state === 'empty',
  );
  expect(seen[0]).toEqual({ state: 'empty' });
  stop.abort();
  await listening;
});

test('text without a thread is generated and measured, and its errors are thrown', async () => {
  const { client, modelId, engines } = await withThread();
  const events = await all(client.chat.generate({ modelId, prompt: 'Once', sampling: { temperature: 0, maxTokens: 3 } }));
  expect(events.at(-1)).toMatchObject({ type: 'finished', text: 'Once upon a time', facts: { modelId, answerTokens: 3 } });
  expect(engines.asked.at(-1)).toMatchObject(['generate', { mode: 'text', systemPrompt: '', turns: [{ role: 'user', text: 'Once' }] }]);
  expect(await client.chat.threads({})).toHaveLength(1);
  engines.instead.inference.generate = async function* () {
    throw new AppError('tokenizer.unsupportedText', { character: 'é' });
  };
  expect(await errorOf(all(client.chat.generate({ modelId, prompt: 'Café' })))).toMatchObject({
    code: 'tokenizer.unsupportedText',
    params: { character: 'é' },
  });
});

test('an engine that does not stop when it is asked is left after a moment', async () => {
  const { client, threadId, engines } = await withThread();
  engines.instead.inference.generate = async function* (_, { signal }) {
    yield { type: 'text', text: 'deaf' };
    await untilAborted(signal);
  };
  engines.instead.inference.stop = () => ({});
  for await (const event of client.chat.send({ threadId, parentId: null, text: 'Hello' })) if (event.type === 'text') break;
  const [, answer] = await eventually(
    () => messagesOf(client, threadId),
    ([, message]) => message?.facts !== null,
  );
  expect(answer).toMatchObject({ text: 'deaf', facts: { stopReason: 'stopped' } });
});

test('a model whose files are to be removed is let go first', async () => {
  const { client, modelId, engines } = await withThread();
  await client.chat.load({ modelId });
  await client.library.remove({ modelId, files: 'delete' });
  expect(engines.asked.at(-1)).toEqual(['unload', {}]);
  expect(await firstOf(client.chat.status({}))).toEqual([{ state: 'empty' }]);
});

test('every answer of a slow reader arrives whole', async () => {
  const { client, threadId } = await withThread({ engines: fakeEngines(endless.slice(0, 200)) });
  let text = '';
  for await (const event of client.chat.send({ threadId, parentId: null, text: 'Count' })) {
    if (event.type === 'text') text += event.text;
    await delay(3);
  }
  expect(text).toBe(endless.slice(0, 200).join(''));
});

test('what the tokens of an answer could have been is there after a restart, goes on with it, and is not that of other words', async () => {
  const { client, threadId, engines, home, close } = await withThread();
  const choice = (text: string) => ({ text, bytes: [], logprob: -0.5, top: [{ text: 'else', bytes: [], logprob: -1.5 }] });
  const saying = (...words: string[]): NonNullable<typeof engines.instead.inference.generate> =>
    async function* (input) {
      for (const text of words) yield { type: 'text', text, tokens: [choice(text)] };
      const sampling = { ...input.sampling, seed: 1 };
      const facts = { sampling, promptTokens: 1, cachedTokens: 0, answerTokens: 1, timeToFirstTokenMs: 1, tokensPerSecond: 1 };
      yield { type: 'finished', stopReason: 'end', facts: { ...facts, stopReason: 'end' } };
    };
  engines.instead.inference.generate = saying('One', ' two');
  await all(client.chat.send({ threadId, parentId: null, text: 'Count' }));
  const messageId = (await messagesOf(client, threadId))[1]?.id ?? '';
  expect((await messagesOf(client, threadId))[1]?.facts?.hasTokens).toBe(true);
  engines.instead.inference.generate = saying(' three');
  await all(client.chat.resume({ threadId, messageId }));
  const edited = await client.chat.editMessage({ threadId, messageId, text: 'Uno' });
  expect(edited.facts?.hasTokens).toBeUndefined();
  expect(await client.chat.tokens({ threadId, messageId: edited.id })).toEqual({ tokens: null });
  await close();
  const again = await openTest({ home });
  const { tokens } = await again.client.chat.tokens({ threadId, messageId });
  expect(tokens).toEqual([choice('One'), choice(' two'), choice(' three')]);
});
