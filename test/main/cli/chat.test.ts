import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Message, Thread } from '#contract/chat.ts';
import { sampling } from '#contract/chat.ts';
import { openLineReader, type LineReader } from '#main/cli/line-reader.ts';
import { untilAborted } from '../support/fake-engines.ts';
import { lathe, model, typed, type Ran } from './fixture.ts';

const story = model({ id: 'm9', kind: 'gguf', name: 'Story' });

const thread: Thread = {
  id: 't1',
  title: 'Rome',
  modelId: 'm9',
  remote: null,
  mode: 'chat',
  systemPrompt: 'Be brief.',
  sampling: sampling.parse({}),
  answerCount: 1,
  adapters: [],
  tools: [],
  folder: '',
  createdMs: 1,
  updatedMs: 1,
};

const message = (id: string, role: Message['role'], text: string, createdMs = 1): Message => ({
  id,
  threadId: 't1',
  parentId: null,
  role,
  text,
  facts: null,
  error: null,
  createdMs,
});

/** Chats with a program that repeats what it is told, the words one by one. */
async function chat(lines: readonly string[] | LineReader, args: readonly string[] = []): Promise<Ran> {
  let threads = 0;
  let messages = 0;
  return lathe(
    ['chat', 'Story', ...args],
    {
      library: { find: () => story },
      chat: {
        create: () => ({ ...thread, id: `t${++threads}` }),
        update: () => thread,
        save: ({ format }) => ({ name: 'Rome.json', text: `${format} of it` }),
        open: () => ({ ...thread, id: 't9' }),
        thread: () => ({ thread, messages: [message('q9', 'user', 'Where?', 1), message('a9', 'assistant', 'There.', 2)] }),
        send: async function* ({ text }, { signal }) {
          const answer = message(`a${++messages}`, 'assistant', '');
          yield { type: 'started', messages: [message(`q${messages}`, 'user', text), answer] };
          for (const word of text.split(' ')) yield { type: 'text', text: `${word}\u001b[2J ` };
          if (text === 'for ever') await untilAborted(signal);
          yield { type: 'finished', message: { ...answer, text } };
        },
      },
    },
    { lines: () => (Array.isArray(lines) ? typed(lines) : (lines as LineReader)) },
  );
}

const askedOf = (ran: Ran, path: string): unknown[] => ran.asked.filter(([name]) => name === path).map(([, input]) => input);

describe('chat in a terminal', () => {
  it('answers each line of a pipe, each after the one before, and writes nothing else to stdout', async () => {
    const ran = await chat(['one two', '', 'three'], ['--system', 'Be brief.', '--temperature', '0']);
    expect(ran).toMatchObject({ code: 0, stdout: 'one[2J two[2J \nthree[2J \n', stderr: '' });
    expect(askedOf(ran, 'chat.create')).toMatchObject([{ modelId: 'm9', systemPrompt: 'Be brief.', sampling: { temperature: 0 } }]);
    expect(askedOf(ran, 'chat.send')).toEqual([
      { threadId: 't1', parentId: null, text: 'one two' },
      { threadId: 't1', parentId: 'a1', text: 'three' },
    ]);
  });

  it('begins anew, under another system prompt', async () => {
    const ran = await chat(['one', '/system Talk like a pirate.', '/reset', 'two', '/quit', 'three']);
    expect(askedOf(ran, 'chat.update')).toEqual([{ threadId: 't1', systemPrompt: 'Talk like a pirate.' }]);
    expect(askedOf(ran, 'chat.create')).toMatchObject([{ systemPrompt: '' }, { systemPrompt: 'Talk like a pirate.' }]);
    expect(askedOf(ran, 'chat.send')).toMatchObject([{ parentId: null }, { threadId: 't2', parentId: null }]);
  });

  it('puts adapters beside the weights, tells which, and takes them off', async () => {
    const ran = await chat(['/adapter', '/adapter Pirate:0.5', 'one', '/adapter off', 'two', '/adapter']);
    expect(askedOf(ran, 'chat.create')).toMatchObject([{ adapters: [{ adapterId: 'm9', scale: 0.5 }] }]);
    expect(askedOf(ran, 'chat.update')).toEqual([{ threadId: 't1', adapters: [] }]);
    expect(ran.stderr.match(/No adapter\.|With Pirate:0\.5\./g)).toEqual(['No adapter.', 'With Pirate:0.5.', 'No adapter.', 'No adapter.']);
  });

  it('saves, never over a file that is there, and goes on with what was saved', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lathe-chat-'));
    const [path, there] = [join(folder, 'rome.md'), join(folder, 'there.json')];
    await writeFile(there, 'mine');
    const ran = await chat(['/save x.json', 'one', `/save ${path}`, `/save ${there}`, `/load ${there}`, 'two']);
    expect(ran.stderr).toContain('Nothing was said');
    expect(await readFile(path, 'utf8')).toBe('markdown of it');
    expect(await readFile(there, 'utf8')).toBe('mine');
    expect(ran.stderr).toContain('there.json');
    expect(askedOf(ran, 'chat.open')).toEqual([{ name: 'there.json', text: 'mine' }]);
    expect(askedOf(ran, 'chat.send').at(-1)).toEqual({ threadId: 't9', parentId: 'a9', text: 'two' });
  });

  it('says what it does not know, and goes on', async () => {
    const ran = await chat(['/fly', '/load /nowhere/at/all', 'one']);
    expect(ran.stderr).toContain('There is no /fly.');
    expect(ran.stderr).toContain('/nowhere/at/all');
    expect(ran).toMatchObject({ code: 0, stdout: 'one[2J \n' });
  });

  it('gives one JSON document of what was said', async () => {
    const ran = await chat(['one'], ['--json']);
    expect(JSON.parse(ran.stdout)).toMatchObject({
      modelId: 'm9',
      messages: [
        { role: 'user', text: 'one' },
        { role: 'assistant', text: expect.stringContaining('one') },
      ],
    });
  });
});

describe('a terminal', () => {
  /** Keys of a user, over the real reader of lines. */
  const terminal = () => {
    const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined });
    const output = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
    output.resume();
    let interrupt = (): void => undefined;
    const reader = openLineReader({ input, output }, () => interrupt());
    return { input, reader, onInterrupt: (listener: () => void) => void (interrupt = listener) };
  };

  it('gives Ctrl+C to the conversation, and the lines in their order', async () => {
    const { input, reader, onInterrupt } = terminal();
    let interrupted = 0;
    onInterrupt(() => (interrupted += 1));
    const first = reader.next('> ');
    input.write('one\r');
    expect(await first).toBe('one');
    input.write('two\rthree\r');
    expect([await reader.next('> '), await reader.next('> ')]).toEqual(['two', 'three']);
    input.write('\u0003');
    await expect.poll(() => interrupted).toBe(1);
    const last = reader.next('> ');
    input.end();
    expect(await last).toBeNull();
  });

  it('stops the answer at Ctrl+C, and leaves at the second', async () => {
    const { input, reader, onInterrupt } = terminal();
    let answered = '';
    const ran = lathe(
      ['chat', 'Story'],
      {
        library: { find: () => story },
        chat: {
          create: () => thread,
          send: async function* ({ text }, { signal }) {
            yield { type: 'started', messages: [message('q1', 'user', text), message('a1', 'assistant', '')] };
            yield { type: 'text', text };
            await untilAborted(signal);
          },
        },
      },
      {
        stdout: { write: (text) => (answered += text) },
        lines: (interrupt) => {
          onInterrupt(interrupt);
          return reader;
        },
      },
    );
    input.write('first\r');
    await expect.poll(() => answered).toBe('first');
    input.write('\u0003');
    await expect.poll(() => answered).toBe('first\n');
    input.write('\u0003');
    const { code, asked, closed } = await ran;
    expect({ code, closed, sent: asked.filter(([name]) => name === 'chat.send').length }).toEqual({ code: 0, closed: 1, sent: 1 });
  });
});
