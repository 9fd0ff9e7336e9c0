import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Message } from '#contract/chat.ts';
import type { AppClient } from '#contract/index.ts';
import { AppError } from '#core/errors/index.ts';
import { writeGeneratedModel } from '../../engine/generated-model.ts';
import { errorOf } from '../../expect-error.ts';
import { fakeEngines } from '../support/fake-engines.ts';
import { all, eventually, openTest, temporaryFolder, type OpenOptions } from '../support/open.ts';

async function withThread(options: OpenOptions = {}) {
  const opened = await openTest(options);
  const path = join(temporaryFolder(), 'teller.gguf');
  await writeGeneratedModel(path);
  const { id: modelId } = await opened.client.library.find({ reference: path });
  const { id: threadId } = await opened.client.chat.create({ modelId, mode: 'chat' });
  const say = async (text: string, parentId: string | null = null): Promise<{ question: Message; answer: Message }> => {
    await all(opened.client.chat.send({ threadId, parentId, text }));
    const messages = await messagesOf(opened.client, threadId);
    return { question: messages.at(-2) as Message, answer: messages.at(-1) as Message };
  };
  const generated = () => opened.engines.asked.filter(([name]) => name === 'generate').map(([, input]) => input);
  return { ...opened, modelId, threadId, say, generated };
}

const messagesOf = async (client: AppClient, threadId: string): Promise<Message[]> => (await client.chat.thread({ threadId })).messages;

test('an answer that is continued goes on from its own words, in the same message', async () => {
  const { client, threadId, say, generated } = await withThread();
  const { answer } = await say('One');
  const events = await all(client.chat.resume({ threadId, messageId: answer.id }));
  expect(events[0]).toMatchObject({ type: 'started', messages: [{ id: answer.id, text: 'Once upon a time' }] });
  expect(generated().at(-1)).toMatchObject({ prefill: 'Once upon a time', turns: [{ role: 'user', text: 'One' }] });
  const [, after, ...more] = await messagesOf(client, threadId);
  expect(after?.text).toBe('Once upon a timeOnce upon a time');
  expect(more).toEqual([]);
});

test('edited words stand beside the old ones, and an answer keeps its figures', async () => {
  const { client, threadId, say, generated } = await withThread();
  const { question, answer } = await say('One');
  const edited = await client.chat.editMessage({ threadId, messageId: answer.id, text: 'Never' });
  expect(edited).toMatchObject({ parentId: question.id, role: 'assistant', text: 'Never', facts: { answerTokens: 3, isEdited: true } });
  await say('Two', edited.id);
  expect(generated().at(-1)).toMatchObject({ turns: [{ text: 'One' }, { role: 'assistant', text: 'Never' }, { text: 'Two' }] });
});

test('what is taken away goes with all that follows, and comes back whole; what had gone before stays away', async () => {
  const { client, threadId, say } = await withThread();
  const { answer } = await say('One');
  const second = await say('Two', answer.id);
  const third = await say('Three', second.answer.id);
  await client.chat.removeMessage({ threadId, messageId: third.answer.id });
  await new Promise((resolve) => setTimeout(resolve, 5));
  await client.chat.removeMessage({ threadId, messageId: answer.id });
  expect((await messagesOf(client, threadId)).map(({ text }) => text)).toEqual(['One']);
  await client.chat.restoreMessage({ threadId, messageId: answer.id });
  expect((await messagesOf(client, threadId)).map(({ text }) => text)).toEqual(['One', answer.text, 'Two', answer.text, 'Three']);
  expect((await errorOf(client.chat.restoreMessage({ threadId, messageId: answer.id }))).code).toBe('chat.unknownMessage');
});

test('a search finds all words in any case, in Chinese and in answers, newest first, and never what was removed', async () => {
  const { client, threadId, say } = await withThread();
  const { answer } = await say('The Quick brown fox; 100 % "sure"');
  await say('讲讲量化为什么会损失精度', answer.id);
  const texts = async (query: string): Promise<string[]> =>
    (await client.chat.search({ query })).map(({ excerpt }) => excerpt.join('').slice(0, 12));
  expect(await texts('quick FOX')).toEqual(['The Quick br']);
  expect(await texts('量化为什么')).toEqual(['讲讲量化为什么会损失精度']);
  // Shorter than what the index knows, and what its language has a meaning for.
  expect(await texts('量化')).toEqual(['讲讲量化为什么会损失精度']);
  expect(await texts('100 %')).toHaveLength(1);
  expect(await texts('"brown fox"')).toHaveLength(1);
  expect(await texts('brown AND NEAR(')).toEqual([]);
  expect(await texts('upon a time')).toHaveLength(2);
  const [hit] = await client.chat.search({ query: 'brown' });
  expect(hit).toMatchObject({ threadId, role: 'user', excerpt: ['The Quick ', 'brown', ' fox; 100 % "sure"'] });
  await client.chat.removeMessage({ threadId, messageId: answer.id });
  expect(await texts('量化')).toEqual([]);
  await client.chat.remove({ threadId });
  expect(await texts('brown')).toEqual([]);
});

test('a folder is renamed for all of its threads', async () => {
  const { client, threadId } = await withThread();
  await client.chat.update({ threadId, folder: 'Work' });
  await client.chat.renameFolder({ from: 'Work', to: 'Archive' });
  expect((await client.chat.threads({})).map(({ folder }) => folder)).toEqual(['Archive']);
});

test('a thread that is exported and brought in again is the same tree, with new ids and without the model', async () => {
  const { client, threadId, say } = await withThread();
  const { answer } = await say('One');
  await client.chat.regenerate({ threadId, messageId: answer.id, seed: 9 })[Symbol.asyncIterator]().next();
  await client.chat.update({ threadId, systemPrompt: 'Be brief.', folder: 'Work' });
  const before = await messagesOf(client, threadId);
  const { name, text } = await client.chat.save({ threadId, format: 'json', leafId: null });
  expect(name).toBe('One.json');
  const copy = await client.chat.open({ name, text });
  const { thread, messages } = await client.chat.thread({ threadId: copy.id });
  expect(thread).toMatchObject({ title: 'One', modelId: null, systemPrompt: 'Be brief.', folder: 'Work' });
  const shape = (list: readonly Message[]) =>
    list.map((message) => [message.text, message.role, list.findIndex(({ id }) => id === message.parentId)]);
  expect(shape(messages)).toEqual(shape(before));
  expect(messages.some(({ id }) => before.some((old) => old.id === id))).toBe(false);
});

test('Markdown and the files of other programs become threads', async () => {
  const { client, threadId, say } = await withThread();
  const { answer } = await say('One');
  const { text } = await client.chat.save({ threadId, format: 'markdown', leafId: answer.id });
  const texts = async (name: string, file: string): Promise<string[]> =>
    (await messagesOf(client, (await client.chat.open({ name, text: file })).id)).map((message) => message.text);
  expect(await texts('one.md', text)).toEqual(['One', 'Once upon a time']);
  const openai = {
    messages: [
      { role: 'system', content: 'S' },
      { role: 'user', content: 'Q' },
      { role: 'assistant', content: 'A' },
    ],
  };
  expect(await texts('a.json', JSON.stringify(openai))).toEqual(['Q', 'A']);
  expect(
    await texts(
      'b.json',
      JSON.stringify({
        conversations: [
          { from: 'human', value: 'H' },
          { from: 'gpt', value: 'G' },
        ],
      }),
    ),
  ).toEqual(['H', 'G']);
});

test.each([
  ['plain words', 'Hello'],
  ['JSON that breaks off', '{"messages": ['],
  ['no messages', '{"messages": [{"role": "user"}]}'],
  ['a message that follows itself', JSON.stringify({ format: 'lathe-chat', version: 1, thread: {}, messages: [] })],
])('a file with %s is refused, and nothing is added', async (_, text) => {
  const { client } = await openTest();
  expect((await errorOf(client.chat.open({ name: 'x', text }))).code).toBe('chat.unreadable');
  expect(await client.chat.threads({})).toEqual([]);
});

test('a saved chat whose messages follow ones that are not before them is refused', async () => {
  const { client, threadId, say } = await withThread();
  await say('One');
  const { text } = await client.chat.save({ threadId, format: 'json', leafId: null });
  const saved = JSON.parse(text) as { messages: unknown[] };
  saved.messages.reverse();
  expect((await errorOf(client.chat.open({ name: 'x', text: JSON.stringify(saved) }))).code).toBe('chat.unreadable');
});

test('a template in the place of a model’s own is tried first, used for every answer, and given up again', async () => {
  const { client, engines, modelId, say, generated } = await withThread();
  engines.instead.inference.tryTemplate = () => {
    throw new AppError('chat.templateTooSlow', { limitMs: 5000 });
  };
  expect((await errorOf(client.chat.setTemplate({ modelId, source: 'loop' }))).code).toBe('chat.templateTooSlow');
  expect(await client.chat.template({ modelId })).toEqual({ override: null });
  delete engines.instead.inference.tryTemplate;
  await client.chat.setTemplate({ modelId, source: '{{ messages }}' });
  await say('One');
  expect(generated().at(-1)).toMatchObject({ template: '{{ messages }}' });
  await client.chat.setTemplate({ modelId, source: null });
  await say('Two');
  expect(generated().at(-1)).not.toHaveProperty('template');
});

test('a call is read out of the answer, carried out when the user says so, and its result goes back', async () => {
  const call = '<tool_call>{"name": "calculator", "arguments": {"expression": "17 * 23"}}</tool_call>';
  const engines = fakeEngines(['Let me see. ', call]);
  const { client, threadId, say, generated } = await withThread({ engines });
  await client.chat.update({ threadId, tools: ['calculator', 'clock', 'gone'] });
  const { answer } = await say('What is 17 times 23?');
  expect(generated().at(-1)).toMatchObject({ tools: [{ name: 'calculator' }, { name: 'clock' }] });
  expect(answer).toMatchObject({ text: 'Let me see. ', toolCalls: [{ name: 'calculator', arguments: '{"expression":"17 * 23"}' }] });
  const callId = answer.toolCalls?.[0]?.id ?? '';
  engines.instead.inference.generate = async function* (input) {
    yield { type: 'text', text: 'It is 391.' };
    const facts = {
      sampling: input.sampling,
      promptTokens: 1,
      cachedTokens: 0,
      answerTokens: 1,
      timeToFirstTokenMs: 1,
      tokensPerSecond: 1,
    };
    yield { type: 'finished', stopReason: 'end', facts: { ...facts, stopReason: 'end' } };
    expect(input.turns.slice(1)).toEqual([
      { role: 'assistant', text: 'Let me see. ', toolCalls: answer.toolCalls },
      { role: 'tool', text: '391', toolCallId: callId },
    ]);
  };
  const events = await all(client.chat.callTools({ threadId, messageId: answer.id, results: [{ callId, text: null }] }));
  expect(events.at(-1)).toMatchObject({ type: 'finished', message: { text: 'It is 391.' } });
});

test('a function of the user is told to the model, and only the user gives its result', async () => {
  const engines = fakeEngines(['<tool_call>{"name": "door", "arguments": {}}</tool_call>']);
  const { client, threadId, say } = await withThread({ engines });
  await client.system.changeSettings({ tools: [{ name: 'door', description: 'Whether the door is open' }] });
  await client.chat.update({ threadId, tools: ['door'] });
  const { answer } = await say('Is it open?');
  const callId = answer.toolCalls?.[0]?.id ?? '';
  const results = (text: string | null) => client.chat.callTools({ threadId, messageId: answer.id, results: [{ callId, text }] });
  expect((await errorOf(all(results(null)))).code).toBe('chat.unknownTool');
  await all(results('It is closed.'));
  expect((await messagesOf(client, threadId)).find(({ role }) => role === 'tool')?.text).toBe('It is closed.');
});

test('a model that nobody asks is unloaded after the time that the user chose, and not before', async () => {
  const engines = fakeEngines();
  const { client, say } = await withThread({ engines });
  await say('One');
  const unloads = () => engines.asked.filter(([name]) => name === 'unload').length;
  expect(unloads()).toBe(0);
  const { promise: fired, resolve } = Promise.withResolvers<void>();
  const usual = globalThis.setTimeout;
  const shortened = ((work: () => void, waitMs?: number) => {
    if (waitMs === 180_000) resolve();
    return usual(work, waitMs === 180_000 ? 1 : waitMs);
  }) as typeof setTimeout;
  globalThis.setTimeout = shortened;
  try {
    await client.system.changeSettings({ unloadAfterMinutes: 3 });
    await fired;
    await eventually(
      () => Promise.resolve(unloads()),
      (count) => count === 1,
    );
  } finally {
    globalThis.setTimeout = usual;
  }
});

test('the prompt is told for words and settings that were not saved, also before there is a thread', async () => {
  const { client, modelId, threadId, say, engines } = await withThread();
  const { answer } = await say('One');
  await client.chat.prompt({ threadId, parentId: answer.id, text: 'Two', systemPrompt: 'New' });
  await client.chat.prompt({ threadId: null, parentId: null, text: 'First', modelId, mode: 'chat' });
  const [inThread, alone] = engines.asked.filter(([name]) => name === 'prompt').map(([, input]) => input);
  expect(inThread).toMatchObject({ systemPrompt: 'New', turns: [{ text: 'One' }, { text: 'Once upon a time' }, { text: 'Two' }] });
  expect(alone).toMatchObject({ turns: [{ role: 'user', text: 'First' }] });
  expect((await client.chat.thread({ threadId })).thread.systemPrompt).toBe('');
});
