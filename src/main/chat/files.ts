import { fromMarkdown, toMarkdown, type TranscriptPart } from '#core/chat/transcript.ts';
import { pathTo, titleOf } from '#core/chat/thread.ts';
import { AppError } from '#core/errors/index.ts';
import { excerpt } from '#core/excerpt.ts';
import { savedChat, sampling, type Message, type SavedChat, type Thread } from '#contract/chat.ts';
import { newId } from '../ids.ts';

/** What a file held, with ids of this library. */
export interface ReadChat {
  readonly thread: Thread;
  /** Parents before their children. */
  readonly messages: readonly Message[];
}

/** All of a conversation. */
export function jsonOf({ id: _, modelId: __, adapters: ___, ...thread }: Thread, messages: readonly Message[]): string {
  const saved: SavedChat = {
    format: 'lathe-chat',
    version: 1,
    thread,
    messages: messages.map(({ threadId: ____, ...message }) => ({ ...message, error: null })),
  };
  return `${JSON.stringify(saved, null, 2)}\n`;
}

/** The way to one message, for people. */
export function markdownOf(thread: Thread, messages: readonly Message[], leafId: string | null): string {
  const system: TranscriptPart[] = thread.systemPrompt.trim() === '' ? [] : [{ role: 'system', text: thread.systemPrompt }];
  const said = pathTo(messages, leafId).map(({ role, text, toolCalls = [] }) => ({
    role,
    text: [text, ...toolCalls.map((call) => `\`${call.name}(${call.arguments})\``)].filter((part) => part !== '').join('\n\n'),
  }));
  return toMarkdown(thread.title, [...system, ...said]);
}

/** A name that every file system takes. */
export const fileNameOf = (title: string, ending: string): string =>
  `${
    title
      .replace(/[\p{C}<>:"/\\|?*]/gu, ' ')
      .replace(/\s+/g, ' ')
      .trim()
      .slice(0, 80)
      .toWellFormed()
      .replace(/[. \uFFFD]+$/u, '') || 'chat'
  }.${ending}`;

/** A conversation out of a file's text. Throws `chat.unreadable`. */
export function readChat(name: string, text: string, nowMs: number): ReadChat {
  const unreadable = (problem: string): AppError => new AppError('chat.unreadable', { name, problem: excerpt(problem) });
  if (!/^\s*[[{]/.test(text)) {
    const markdown = fromMarkdown(text);
    if (markdown === null) throw unreadable('it is neither JSON nor Markdown with the marks of an export');
    return fromParts(markdown.parts, markdown.title, nowMs);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw unreadable(error instanceof Error ? error.message : String(error));
  }
  if (isRecord(value) && value['format'] === 'lathe-chat') {
    const saved = savedChat.safeParse(value);
    if (saved.success) return fromSaved(saved.data, unreadable);
    const [issue] = saved.error.issues;
    throw unreadable(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  }
  const parts = foreignParts(value);
  if (parts.length === 0) throw unreadable('it holds no messages');
  return fromParts(parts, isRecord(value) && typeof value['title'] === 'string' ? value['title'] : '', nowMs);
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const FOREIGN_ROLES: ReadonlyMap<unknown, TranscriptPart['role']> = new Map(
  Object.entries({
    system: 'system',
    user: 'user',
    human: 'user',
    assistant: 'assistant',
    gpt: 'assistant',
  } as const),
);

/** OpenAI's `messages` of role and content, ShareGPT's `conversations` of from and value. */
function foreignParts(value: unknown): TranscriptPart[] {
  const list = Array.isArray(value) ? value : isRecord(value) ? (value['messages'] ?? value['conversations']) : undefined;
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry: unknown) => {
    if (!isRecord(entry)) return [];
    const role = FOREIGN_ROLES.get(entry['role'] ?? entry['from']);
    const text = entry['content'] ?? entry['value'];
    return role === undefined || typeof text !== 'string' || text === '' ? [] : [{ role, text }];
  });
}

const emptyThread = (title: string, systemPrompt: string, nowMs: number): Thread => ({
  id: newId(),
  title,
  modelId: null,
  remote: null,
  mode: 'chat',
  systemPrompt,
  sampling: sampling.parse({}),
  answerCount: 1,
  adapters: [],
  tools: [],
  folder: '',
  createdMs: nowMs,
  updatedMs: nowMs,
});

function fromParts(parts: readonly TranscriptPart[], title: string, nowMs: number): ReadChat {
  const systemPrompt = parts
    .filter(({ role }) => role === 'system')
    .map(({ text }) => text)
    .join('\n\n');
  const said = parts.filter(({ role }) => role === 'user' || role === 'assistant');
  const thread = emptyThread(title === '' ? titleOf(said[0]?.text ?? '') : titleOf(title), systemPrompt, nowMs);
  let parentId: string | null = null;
  const messages = said.map(({ role, text }): Message => {
    const message = { id: newId(), threadId: thread.id, parentId, role, text, facts: null, error: null, createdMs: nowMs } as Message;
    parentId = message.id;
    return message;
  });
  return { thread, messages };
}

/** Which model of another library it was means nothing here; its name does. */
const foreignFacts = ({ adapters, hasTokens: _, ...facts }: NonNullable<Message['facts']>): Message['facts'] => ({
  ...facts,
  modelId: null,
  ...(adapters === undefined ? {} : { adapters: adapters.map((adapter) => ({ ...adapter, adapterId: null })) }),
});

function fromSaved(saved: SavedChat, unreadable: (problem: string) => AppError): ReadChat {
  const thread: Thread = { ...saved.thread, id: newId(), modelId: null, remote: null, adapters: [] };
  const ids = new Map<string, string>();
  const messages = saved.messages.map((message): Message => {
    if (ids.has(message.id)) throw unreadable(`the message ${message.id} is there twice`);
    const parentId = message.parentId === null ? null : ids.get(message.parentId);
    if (parentId === undefined) throw unreadable(`the message ${message.id} follows one that is not before it`);
    const id = newId();
    ids.set(message.id, id);
    return { ...message, id, parentId, threadId: thread.id, facts: message.facts === null ? null : foreignFacts(message.facts) };
  });
  return { thread, messages };
}
