import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { AppClient } from '#contract/index.ts';
import { errorOf } from '../../expect-error.ts';
import { startApi } from '../openai/fixture.ts';
import { all, eventually, openTest, temporaryFolder } from '../support/open.ts';
import { answerWith, beginStream, delta, endpoint, event } from './endpoint.ts';

const KEY = 'sk-never-shown-0123456789';

const enginesOf = async (client: AppClient) => {
  for await (const engines of client.remote.engines({})) return engines;
  return [];
};

/** Everything that lies in a folder, as one text. */
const contentsOf = (folder: string): string =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.endsWith('remote-keys'))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    .join('\n');

describe('the list of engines', () => {
  test('an engine is added, listed, changed and removed; its key never comes out, and lies where only its owner reads', async () => {
    const { client, home, close } = await openTest();
    const added = await client.remote.add({ name: 'Attic', address: 'http://192.168.1.40:8000', dialect: 'vllm', key: KEY });
    expect(added).toMatchObject({ address: 'http://192.168.1.40:8000/v1', reach: 'private', isEncrypted: false, keyPlace: 'file' });
    expect(await enginesOf(client)).toEqual([added]);
    const path = join(home, 'remote-keys', added.id);
    expect(readFileSync(path, 'utf8')).toContain(KEY);
    if (process.platform !== 'win32') {
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(statSync(join(home, 'remote-keys')).mode & 0o777).toBe(0o700);
    }
    const place = { name: 'Loft', address: 'http://192.168.1.40:8000/v1' };
    expect(await client.remote.update({ engineId: added.id, ...place })).toMatchObject({ name: 'Loft', keyPlace: 'file' });
    expect(JSON.stringify(await enginesOf(client))).not.toContain(KEY);

    await client.remote.remove({ engineId: added.id });
    expect(await enginesOf(client)).toEqual([]);
    expect(readdirSync(join(home, 'remote-keys'))).toEqual([]);
    await close();
    expect(contentsOf(home)).not.toContain(KEY);
  });

  test('a key does not go along to another computer', async () => {
    const { client } = await openTest();
    const { id: engineId } = await client.remote.add({ name: 'Attic', address: 'https://a.example.com/v1', key: KEY });
    const other = await endpoint((response) => void response.end('{"data":[]}'));
    await client.remote.test({ engineId, address: other.base });
    expect(other.asked[0]?.headers).not.toHaveProperty('authorization');
    expect(await client.remote.update({ engineId, name: 'Attic', address: other.base })).toMatchObject({ keyPlace: 'none' });
  });

  test('the system’s keychain seals keys where there is one; where it is gone the key is locked, not lost', async () => {
    const home = join(temporaryFolder(), 'home');
    const server = await endpoint((response) => void response.end('{"data":[{"id":"m"}]}'));
    const keychain = {
      seal: (text: string) => Buffer.from(text).map((byte) => byte ^ 0x55),
      open: (sealed: Uint8Array) => Buffer.from(sealed.map((byte) => byte ^ 0x55)).toString(),
    };
    const desktop = await openTest({ home, host: { keychain } });
    const { id: engineId, keyPlace } = await desktop.client.remote.add({ name: 'Attic', address: server.base, key: KEY });
    expect(keyPlace).toBe('keychain');
    expect(readFileSync(join(home, 'remote-keys', engineId), 'utf8')).not.toContain(KEY);
    expect(await desktop.client.remote.models({ engineId })).toMatchObject({ models: ['m'] });
    expect(server.asked[0]?.headers.authorization).toBe(`Bearer ${KEY}`);
    await desktop.close();
    const terminal = await openTest({ home });
    expect(await errorOf(terminal.client.remote.models({ engineId }))).toMatchObject({ code: 'remote.keyLocked' });
  });

  test('plain http beyond the own network only where the user allows it, names once, addresses that are some', async () => {
    const { client } = await openTest();
    const away = { name: 'Away', address: 'http://api.example.com/v1' };
    expect(await errorOf(client.remote.add(away))).toMatchObject({ code: 'remote.insecure', params: { host: 'api.example.com' } });
    expect(await errorOf(client.remote.test({ address: away.address }))).toMatchObject({ code: 'remote.insecure' });
    expect(await client.remote.add({ ...away, allowInsecure: true })).toMatchObject({ reach: 'public', isEncrypted: false });
    expect(await errorOf(client.remote.add({ name: 'away', address: 'https://b.example.com' }))).toMatchObject({
      code: 'remote.nameTaken',
    });
    expect(await errorOf(client.remote.add({ name: 'X', address: 'gopher://a' }))).toMatchObject({ code: 'remote.badAddress' });
    // A line's end in a key would be a header of somebody else's.
    const split = { name: 'Y', address: 'https://c.example.com', key: 'a\r\nX-Evil: 1' };
    expect(await errorOf(client.remote.add(split))).toMatchObject({ code: 'request.invalid' });
  });
});

describe('chat with a remote engine', () => {
  async function withThread(...[script]: Parameters<typeof endpoint>) {
    const server = await endpoint(script);
    const opened = await openTest();
    const { id: engineId } = await opened.client.remote.add({ name: 'Attic', address: server.base, key: KEY });
    const remote = { engineId, model: 'big' };
    const { id: threadId } = await opened.client.chat.create({ remote });
    return { ...opened, server, engineId, remote, threadId };
  }

  test('an answer streams, is saved, says where it was made, and the next question carries it', async () => {
    const { client, server, threadId, engines } = await withThread(answerWith('Once ', 'upon'));
    const events = await all(client.chat.send({ threadId, parentId: null, text: 'Tell' }));
    expect(events.map(({ type }) => type).filter((type, at, list) => type !== list[at - 1])).toEqual(['started', 'text', 'finished']);
    const { messages } = await client.chat.thread({ threadId });
    expect(messages[1]).toMatchObject({
      text: 'Once upon',
      error: null,
      facts: {
        modelId: null,
        modelName: 'big',
        remote: { name: 'Attic', host: new URL(server.base).host, isCounted: true },
        promptTokens: 11,
        answerTokens: 2,
        stopReason: 'end',
      },
    });
    await all(client.chat.send({ threadId, parentId: messages[1]?.id ?? '', text: 'More' }));
    expect(server.asked[1]?.body).toMatchObject({
      model: 'big',
      messages: [
        { role: 'user', content: 'Tell' },
        { role: 'assistant', content: 'Once upon' },
        { role: 'user', content: 'More' },
      ],
    });
    // Nothing of this computer was asked.
    expect(engines.asked).toEqual([]);
  });

  test('an answer is made again beside the first; it cannot be gone on with', async () => {
    const { client, server, threadId, engineId } = await withThread(answerWith('Yes'));
    await all(client.chat.send({ threadId, parentId: null, text: 'Well?' }));
    const [question, first] = (await client.chat.thread({ threadId })).messages;
    await all(client.chat.regenerate({ threadId, messageId: first?.id ?? '', seed: 5 }));
    const second = (await client.chat.thread({ threadId })).messages.at(-1);
    expect(second).toMatchObject({ parentId: question?.id, text: 'Yes', facts: { sampling: { seed: 5 } } });
    // Another model beside it, this once.
    await all(client.chat.regenerate({ threadId, messageId: first?.id ?? '', remote: { engineId, model: 'small' } }));
    expect(server.asked.map(({ body }) => (body as { model: string }).model)).toEqual(['big', 'big', 'small']);
    expect((await client.chat.thread({ threadId })).thread.remote).toEqual({ engineId, model: 'big' });
    expect(await errorOf(all(client.chat.resume({ threadId, messageId: first?.id ?? '' })))).toMatchObject({
      code: 'remote.noContinuation',
    });
  });

  test('leaving stops the engine, and what came is saved as stopped', async () => {
    const { client, server, threadId } = await withThread((response) => {
      beginStream(response);
      const timer = setInterval(() => response.write(delta('on ')), 5);
      response.on('close', () => clearInterval(timer));
    });
    const stop = new AbortController();
    let came = 0;
    try {
      for await (const { type } of client.chat.send({ threadId, parentId: null, text: 'Go' }, { signal: stop.signal })) {
        if (type === 'text' && (came += 1) === 3) stop.abort();
      }
    } catch {
      // Leaving may be told as such.
    }
    await server.left;
    let saved = (await client.chat.thread({ threadId })).messages[1];
    while (saved?.facts === null) saved = (await client.chat.thread({ threadId })).messages[1];
    expect(saved).toMatchObject({ error: null, facts: { stopReason: 'stopped', remote: { isCounted: false } } });
    expect(saved?.text).toMatch(/^(on ){3,}/);
  });

  test('unloading the model of this computer leaves what is said elsewhere alone', async () => {
    const held = Promise.withResolvers<void>();
    const { client, server, threadId } = await withThread(async (response, asked) => {
      await held.promise;
      await answerWith('Still here')(response, asked);
    });
    const done = all(client.chat.send({ threadId, parentId: null, text: 'Go on' }));
    await eventually(
      () => server.asked.length,
      (count) => count === 1,
    );
    await client.chat.unload({});
    held.resolve();
    await done;
    expect((await client.chat.thread({ threadId })).messages[1]).toMatchObject({ text: 'Still here', facts: { stopReason: 'end' } });
  });

  test('what the engine does wrong is the error of that answer, and the log knows neither key nor text', async () => {
    const { client, threadId, home, close } = await withThread((response) => {
      beginStream(response);
      response.write(delta('Once '), () => response.destroy());
    });
    await all(client.chat.send({ threadId, parentId: null, text: 'A private matter' }));
    const { messages } = await client.chat.thread({ threadId });
    expect(messages[1]).toMatchObject({ text: 'Once ', facts: null, error: { code: 'remote.cutOff', params: { name: 'Attic' } } });
    const saved = await client.chat.save({ threadId, format: 'json', leafId: null });
    expect(saved.text).not.toContain(KEY);
    await close();
    expect(contentsOf(home)).not.toContain(KEY);
    const logs = contentsOf(join(home, 'logs'));
    expect(logs).toContain('remote.cutOff');
    expect(logs).not.toContain('private matter');
  });

  test('functions are called in the protocol’s own form, and their results go back', async () => {
    let turn = 0;
    const { client, server, threadId } = await withThread((response, asked) => {
      turn += 1;
      if (turn > 1) return answerWith('42')(response, asked);
      beginStream(response);
      const call = { index: 0, id: 'x', type: 'function', function: { name: 'calculator', arguments: '{"expression":"6*7"}' } };
      response.write(event({ choices: [{ index: 0, delta: { tool_calls: [call] } }] }));
      response.end(`${event({ choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] })}data: [DONE]\n\n`);
    });
    await client.chat.update({ threadId, tools: ['calculator'] });
    await all(client.chat.send({ threadId, parentId: null, text: '6 · 7?' }));
    const asking = (await client.chat.thread({ threadId })).messages[1];
    const [call] = asking?.toolCalls ?? [];
    expect(call).toMatchObject({ name: 'calculator', arguments: '{"expression":"6*7"}' });
    await all(client.chat.callTools({ threadId, messageId: asking?.id ?? '', results: [{ callId: call?.id ?? '', text: null }] }));
    expect(server.asked[1]?.body).toMatchObject({
      messages: [
        { role: 'user' },
        { role: 'assistant', tool_calls: [{ id: call?.id }] },
        { role: 'tool', content: '42', tool_call_id: call?.id },
      ],
    });
    expect((await client.chat.thread({ threadId })).messages.at(-1)?.text).toBe('42');
  });

  test('choosing one kind of model takes the other’s place, and an engine that was removed says so', async () => {
    const { client, threadId, engineId } = await withThread(answerWith('Yes'));
    expect(await client.chat.update({ threadId, modelId: null })).toMatchObject({ modelId: null, remote: { engineId } });
    expect(await client.chat.update({ threadId, remote: null })).toMatchObject({ modelId: null, remote: null });
    await client.chat.update({ threadId, remote: { engineId, model: 'big' } });
    await client.remote.remove({ engineId });
    expect(await errorOf(all(client.chat.send({ threadId, parentId: null, text: 'Hello?' })))).toMatchObject({
      code: 'remote.unknownEngine',
    });
  });
});

test('Lathe’s own server is a remote engine like any other', async () => {
  const api = await startApi();
  onTestFinished(api.close);
  const { client } = await openTest();
  const { id: engineId } = await client.remote.add({
    name: 'Other Lathe',
    address: api.running.address,
    dialect: 'llamacpp',
    key: api.running.token,
  });
  expect(await client.remote.models({ engineId })).toMatchObject({ models: ['teller'] });
  const { id: threadId } = await client.chat.create({ remote: { engineId, model: 'teller' } });
  await all(client.chat.send({ threadId, parentId: null, text: 'Tell' }));
  expect((await client.chat.thread({ threadId })).messages[1]).toMatchObject({
    text: 'Once upon a time',
    facts: { modelName: 'teller', remote: { name: 'Other Lathe', isCounted: true }, promptTokens: 5, answerTokens: 3 },
  });
  await client.remote.update({ engineId, name: 'Other Lathe', address: api.running.address, key: 'wrong' });
  expect(await errorOf(client.remote.models({ engineId }))).toMatchObject({ code: 'remote.unauthorized' });
});
