import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { describeError, toErrorData } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import type { Message, MixedAdapter, Sampling } from '#contract/chat.ts';
import type { AppClient } from '#contract/index.ts';
import type { RemoteChoice } from '#contract/remote.ts';
import { printable } from './text.ts';

/** What can be typed instead of a message, for /help. */
const COMMANDS = [
  ['/system TEXT', 'what the model is told before everything; alone: what it is told now'],
  ['/adapter A[:S] …', 'LoRA adapters beside the weights, at strengths (1); off: none; alone: which there are now'],
  ['/reset', 'begin a new conversation with the same settings'],
  ['/save FILE', 'write the conversation: JSON with all that is known of it, or Markdown where the name ends in .md'],
  ['/load FILE', 'go on with a conversation that was saved'],
  ['/help', 'show this'],
  ['/quit', 'leave'],
] as const;

const help = (): string => COMMANDS.map(([name, text]) => `  ${name.padEnd(18)}${text}`).join('\n');

/** Before anything was said. */
const FIRST = { parentId: null };

interface ConversationOptions {
  readonly client: AppClient;
  /** What answers: a model of the library, or one of a remote engine. */
  readonly model: { readonly modelId: string } | { readonly remote: RemoteChoice };
  readonly systemPrompt: string;
  readonly sampling: Partial<Sampling>;
  readonly resolvePath: (path: string) => string;
  /** The adapters of the library that are meant, by what is written as `generate --adapter`. */
  readonly findAdapters: (references: readonly string[]) => Promise<MixedAdapter[]>;
  /** The model's words, as they come. */
  readonly say: (text: string) => void;
  /** What goes on before words come. */
  readonly progress: (text: string) => void;
  /** What is not the model's: help, errors. */
  readonly note: (text: string) => void;
}

export interface Turn {
  readonly role: Message['role'];
  readonly text: string;
}

/** A conversation of the terminal: a thread like any other, which stands in the app's list too once something was said. */
export function createConversation({
  client,
  model,
  systemPrompt,
  sampling,
  resolvePath,
  findAdapters,
  say,
  progress,
  note,
}: ConversationOptions) {
  let system = systemPrompt;
  let mix: { readonly written: readonly string[]; readonly adapters: MixedAdapter[] } = { written: [], adapters: [] };
  let place: { readonly threadId: string | null; readonly parentId: string | null } = { threadId: null, ...FIRST };
  const turns: Turn[] = [];

  const thread = async (): Promise<string> => {
    if (place.threadId !== null) return place.threadId;
    const { id } = await client.chat.create({ ...model, systemPrompt: system, sampling, adapters: mix.adapters });
    place = { ...place, threadId: id };
    return id;
  };

  /** Ask, and write the answer as it comes. The signal stops it; what came stays. */
  const ask = async (text: string, signal: AbortSignal): Promise<void> => {
    const threadId = await thread();
    let answered = '';
    let failure: Message['error'] = null;
    try {
      for await (const event of client.chat.send({ threadId, parentId: place.parentId, text }, { signal })) {
        if (event.type === 'started') {
          const answer = event.messages.at(-1);
          if (answer !== undefined) place = { threadId, parentId: answer.id };
        } else if (event.type === 'loading') progress('loading the model…');
        else if (event.type === 'summary') progress('summarising what was said first…');
        else if (event.type === 'prompt') progress('reading…');
        else if (event.type === 'text') {
          progress('');
          answered += event.text;
          say(printable(event.text, 'lines'));
        } else if (event.message.error !== null) failure = event.message.error;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      progress('');
    }
    turns.push({ role: 'user', text }, { role: 'assistant', text: answered });
    say('\n');
    if (failure !== null) tell(failure);
  };

  const tell = (error: unknown): void => {
    const { what, next } = describeError(toErrorData(error));
    note(`${printable(what)} ${printable(next)}`);
  };

  const setSystem = async (text: string): Promise<void> => {
    if (text === '') return note(system === '' ? 'The model is told nothing.' : printable(system, 'lines'));
    system = text;
    if (place.threadId !== null) await client.chat.update({ threadId: place.threadId, systemPrompt: text });
    note('The model is told so from its next answer on.');
  };

  const setAdapters = async (text: string): Promise<void> => {
    const now = (): string => (mix.written.length === 0 ? 'No adapter.' : `With ${mix.written.map((each) => printable(each)).join(', ')}.`);
    if (text === '') return note(now());
    if (!('modelId' in model)) return note('A remote engine has none of this computer’s adapters.');
    const written = text === 'off' ? [] : text.split(/\s+/);
    mix = { written, adapters: written.length === 0 ? [] : await findAdapters(written) };
    if (place.threadId !== null) await client.chat.update({ threadId: place.threadId, adapters: mix.adapters });
    note(now());
  };

  const save = async (file: string): Promise<void> => {
    if (file === '') return note('/save takes the name of a file.');
    if (place.threadId === null) return note('Nothing was said that could be saved.');
    const path = resolvePath(file);
    const format = /\.(md|markdown)$/i.test(file) ? 'markdown' : 'json';
    const { text } = await client.chat.save({ threadId: place.threadId, format, leafId: place.parentId });
    // Never over a file that is there.
    await onDisk(path, () => writeFile(path, text, { flag: 'wx' }));
    note(`Saved as ${printable(path)}.`);
  };

  const load = async (file: string): Promise<void> => {
    if (file === '') return note('/load takes the name of a file.');
    const path = resolvePath(file);
    const text = await onDisk(path, () => readFile(path, 'utf8'));
    const { id } = await client.chat.open({ name: basename(path).slice(-255), text });
    const { thread: opened } = await client.chat.thread({ threadId: id });
    await client.chat.update({ threadId: id, ...model, sampling: { ...opened.sampling, ...sampling }, adapters: mix.adapters });
    const { messages } = await client.chat.thread({ threadId: id });
    const last = messages.reduce<Message | undefined>(
      (newest, one) => (newest === undefined || one.createdMs >= newest.createdMs ? one : newest),
      undefined,
    );
    system = opened.systemPrompt;
    place = { threadId: id, parentId: last?.id ?? null };
    turns.length = 0;
    note(`${messages.length} messages: ${printable(opened.title)}`);
  };

  return {
    /** What was said here. */
    turns: turns as readonly Turn[],
    /** Take one line: a message, or a command. Resolves to whether the conversation goes on. */
    take: async (line: string, signal: AbortSignal): Promise<boolean> => {
      const [, command, rest = ''] = /^\/(\w+)(?:\s+([\s\S]*))?$/.exec(line.trim()) ?? [];
      const value = rest.trim();
      try {
        if (line.trim() === '') return true;
        if (command === undefined) await ask(line, signal);
        else if (command === 'quit' || command === 'exit') return false;
        else if (command === 'help') note(help());
        else if (command === 'reset') {
          place = { threadId: null, ...FIRST };
          turns.length = 0;
          note('A new conversation.');
        } else if (command === 'system') await setSystem(value);
        else if (command === 'adapter') await setAdapters(value);
        else if (command === 'save') await save(value);
        else if (command === 'load') await load(value);
        else note(`There is no /${printable(command)}.\n${help()}`);
      } catch (error) {
        tell(error);
      }
      return true;
    },
  };
}
