import { deflateSync, inflateSync } from 'node:zlib';
import type { LoadSettings } from '#core/memory/load.ts';
import type { Message, Thread, TokenChoice } from '#contract/chat.ts';
import type { AppErrorData } from '#core/errors/index.ts';
import type { Database } from './open.ts';

interface ThreadRow {
  readonly id: string;
  readonly title: string;
  readonly model_id: string | null;
  readonly remote: string | null;
  readonly mode: Thread['mode'];
  readonly system_prompt: string;
  readonly sampling: string;
  readonly answer_count: number;
  readonly tools: string;
  readonly adapters: string;
  readonly folder: string;
  readonly created_ms: number;
  readonly updated_ms: number;
}

interface MessageRow {
  readonly id: string;
  readonly thread_id: string;
  readonly parent_id: string | null;
  readonly role: Message['role'];
  readonly text: string;
  readonly tool_calls: string | null;
  readonly tool_call_id: string | null;
  readonly facts: string | null;
  readonly error: string | null;
  readonly created_ms: number;
}

const threadOf = (row: ThreadRow): Thread => ({
  id: row.id,
  title: row.title,
  modelId: row.model_id,
  remote: row.remote === null ? null : (JSON.parse(row.remote) as Thread['remote']),
  mode: row.mode,
  systemPrompt: row.system_prompt,
  sampling: JSON.parse(row.sampling) as Thread['sampling'],
  answerCount: row.answer_count,
  adapters: JSON.parse(row.adapters) as Thread['adapters'],
  tools: JSON.parse(row.tools) as Thread['tools'],
  folder: row.folder,
  createdMs: row.created_ms,
  updatedMs: row.updated_ms,
});

const messageOf = (row: MessageRow): Message => ({
  id: row.id,
  threadId: row.thread_id,
  parentId: row.parent_id,
  role: row.role,
  text: row.text,
  ...(row.tool_calls === null ? {} : { toolCalls: JSON.parse(row.tool_calls) as NonNullable<Message['toolCalls']> }),
  ...(row.tool_call_id === null ? {} : { toolCallId: row.tool_call_id }),
  facts: row.facts === null ? null : (JSON.parse(row.facts) as Message['facts']),
  error: row.error === null ? null : (JSON.parse(row.error) as AppErrorData),
  createdMs: row.created_ms,
});

/** A message that was found, and where. */
export interface Found {
  readonly message: Message;
  readonly title: string;
}

/** A word of a search that the index can look up: its smallest part has three letters. */
const isIndexed = (word: string): boolean => [...word].length >= 3;

export type ChatRepository = ReturnType<typeof chatRepository>;

/** Threads and their messages. What was removed is kept for a while, and is not found by anything but restoring. */
export function chatRepository(database: Database) {
  const { connection } = database;
  const threads = connection.prepare<[], ThreadRow>('SELECT * FROM threads WHERE removed_ms IS NULL ORDER BY updated_ms DESC, rowid DESC');
  const threadById = connection.prepare<[string], ThreadRow>('SELECT * FROM threads WHERE id = ? AND removed_ms IS NULL');
  const messages = connection.prepare<[string], MessageRow>(
    'SELECT * FROM messages WHERE thread_id = ? AND removed_ms IS NULL ORDER BY rowid',
  );
  const messageById = connection.prepare<[string], MessageRow>('SELECT * FROM messages WHERE id = ? AND removed_ms IS NULL');
  const insertThread = connection.prepare(
    `INSERT INTO threads (id, title, model_id, remote, mode, system_prompt, sampling, answer_count, adapters, tools, folder, created_ms,
       updated_ms)
     VALUES (@id, @title, @modelId, @remote, @mode, @systemPrompt, @sampling, @answerCount, @adapters, @tools, @folder, @createdMs, @updatedMs)`,
  );
  const setThread = connection.prepare(
    `UPDATE threads SET title = @title, model_id = @modelId, remote = @remote, mode = @mode, system_prompt = @systemPrompt, sampling = @sampling,
       answer_count = @answerCount, adapters = @adapters, tools = @tools, folder = @folder, updated_ms = @updatedMs WHERE id = @id`,
  );
  const setRemoved = connection.prepare('UPDATE threads SET removed_ms = ? WHERE id = ?');
  const purge = connection.prepare('DELETE FROM threads WHERE removed_ms < ?');
  const insertMessage = connection.prepare(
    `INSERT INTO messages (id, thread_id, parent_id, role, text, tool_calls, tool_call_id, facts, error, created_ms)
     VALUES (@id, @threadId, @parentId, @role, @text, @toolCalls, @toolCallId, @facts, @error, @createdMs)`,
  );
  const setText = connection.prepare('UPDATE messages SET text = ? WHERE id = ?');
  const setEnd = connection.prepare(
    'UPDATE messages SET text = @text, tool_calls = @toolCalls, facts = @facts, error = @error WHERE id = @id',
  );
  const removeMessages = connection.prepare(
    `WITH RECURSIVE branch (id) AS (
       SELECT id FROM messages WHERE id = @id AND removed_ms IS NULL
       UNION SELECT messages.id FROM messages JOIN branch ON messages.parent_id = branch.id WHERE messages.removed_ms IS NULL
     ) UPDATE messages SET removed_ms = @removedMs WHERE id IN branch`,
  );
  // What was taken away before stays away.
  const restoreMessages = connection.prepare(
    `WITH RECURSIVE branch (id) AS (
       SELECT id FROM messages WHERE id = @id AND removed_ms = @removedMs
       UNION SELECT messages.id FROM messages JOIN branch ON messages.parent_id = branch.id WHERE messages.removed_ms = @removedMs
     ) UPDATE messages SET removed_ms = NULL WHERE id IN branch`,
  );
  const removedMessage = connection.prepare<[string, string], { removed_ms: number }>(
    'SELECT removed_ms FROM messages WHERE id = ? AND thread_id = ? AND removed_ms IS NOT NULL',
  );
  const purgeMessages = connection.prepare('DELETE FROM messages WHERE removed_ms < ?');
  const renameFolder = connection.prepare('UPDATE threads SET folder = ? WHERE folder = ?');
  const template = connection.prepare<[string], { source: string }>('SELECT source FROM chat_templates WHERE model_id = ?');
  const setTemplate = connection.prepare(
    'INSERT INTO chat_templates (model_id, source) VALUES (?, ?) ON CONFLICT (model_id) DO UPDATE SET source = excluded.source',
  );
  const removeTemplate = connection.prepare('DELETE FROM chat_templates WHERE model_id = ?');
  const loadSettings = connection.prepare<[string], { settings: string }>('SELECT settings FROM load_settings WHERE model_id = ?');
  const setLoadSettings = connection.prepare(
    'INSERT INTO load_settings (model_id, settings) VALUES (?, ?) ON CONFLICT (model_id) DO UPDATE SET settings = excluded.settings',
  );
  const removeLoadSettings = connection.prepare('DELETE FROM load_settings WHERE model_id = ?');
  const tokens = connection.prepare<[string], { tokens: Buffer }>('SELECT tokens FROM message_tokens WHERE message_id = ?');
  const setTokens = connection.prepare(
    'INSERT INTO message_tokens (message_id, tokens) VALUES (?, ?) ON CONFLICT (message_id) DO UPDATE SET tokens = excluded.tokens',
  );
  const found = `SELECT messages.*, threads.title FROM messages JOIN threads ON threads.id = messages.thread_id
     WHERE messages.removed_ms IS NULL AND threads.removed_ms IS NULL AND messages.role <> 'tool'`;
  const searchIndex = connection.prepare<[string], MessageRow & { title: string }>(
    `${found} AND messages.rowid IN (SELECT rowid FROM message_search WHERE message_search MATCH ?) ORDER BY messages.rowid DESC`,
  );
  const searchAll = connection.prepare<[], MessageRow & { title: string }>(`${found} ORDER BY messages.rowid DESC`);

  const json = (value: unknown): string | null => (value === null || value === undefined ? null : JSON.stringify(value));
  const rowOf = (thread: Thread) => ({
    ...thread,
    remote: json(thread.remote),
    sampling: JSON.stringify(thread.sampling),
    adapters: JSON.stringify(thread.adapters),
    tools: JSON.stringify(thread.tools),
  });
  const endOf = ({ toolCalls, facts, error }: Message) => ({ toolCalls: json(toolCalls), facts: json(facts), error: json(error) });

  return {
    /** Last used first. */
    threads: (): Thread[] => threads.all().map(threadOf),
    thread: (id: string): Thread | undefined => {
      const row = threadById.get(id);
      return row === undefined ? undefined : threadOf(row);
    },
    /** In the order of their coming. */
    messages: (threadId: string): Message[] => messages.all(threadId).map(messageOf),
    message: (id: string): Message | undefined => {
      const row = messageById.get(id);
      return row === undefined ? undefined : messageOf(row);
    },
    addThread: (thread: Thread): void => database.write(() => void insertThread.run(rowOf(thread))),
    setThread: (thread: Thread): void => database.write(() => void setThread.run(rowOf(thread))),
    removeThread: (id: string, removedMs: number): void => database.write(() => void setRemoved.run(removedMs, id)),
    restoreThread: (id: string): void => database.write(() => void setRemoved.run(null, id)),
    /** Delete what was removed before a time. */
    purge: (beforeMs: number): void =>
      database.write(() => {
        purge.run(beforeMs);
        purgeMessages.run(beforeMs);
      }),
    addMessage: (message: Message): void =>
      database.write(() => void insertMessage.run({ ...message, toolCallId: message.toolCallId ?? null, ...endOf(message) })),
    /** What there is of an answer so far. */
    setText: (id: string, text: string): void => database.write(() => void setText.run(text, id)),
    endMessage: (message: Message): void =>
      database.write(() => void setEnd.run({ id: message.id, text: message.text, ...endOf(message) })),
    /** A message and all that follow it. */
    removeMessage: (id: string, removedMs: number): void => database.write(() => void removeMessages.run({ id, removedMs })),
    /** Bring back what was removed with a message. False where it is not there. */
    restoreMessage: (threadId: string, id: string): boolean =>
      database.write(() => {
        const removedMs = removedMessage.get(id, threadId)?.removed_ms;
        if (removedMs !== undefined) restoreMessages.run({ id, removedMs });
        return removedMs !== undefined;
      }),
    /** Messages that hold every word, in any case of letters, the newest first. */
    search: (words: readonly string[], limit: number): Found[] => {
      const lower = words.map((word) => word.toLowerCase());
      const match = lower.filter(isIndexed).map((word) => `"${word.replaceAll('"', '""')}"`);
      const rows = match.length > 0 ? searchIndex.iterate(match.join(' ')) : searchAll.iterate();
      const hits: Found[] = [];
      for (const row of rows) {
        const text = row.text.toLowerCase();
        if (!lower.every((word) => text.includes(word))) continue;
        hits.push({ message: messageOf(row), title: row.title });
        if (hits.length >= limit) break;
      }
      return hits;
    },
    renameFolder: (from: string, to: string): void => database.write(() => void renameFolder.run(to, from)),
    /** What the user put in the place of a model's own template. */
    template: (modelId: string): string | undefined => template.get(modelId)?.source,
    setTemplate: (modelId: string, source: string | null): void =>
      database.write(() => void (source === null ? removeTemplate.run(modelId) : setTemplate.run(modelId, source))),
    /** What the tokens of an answer could have been; undefined where it was not kept. */
    tokens: (messageId: string): TokenChoice[] | undefined => {
      const row = tokens.get(messageId);
      return row === undefined ? undefined : (JSON.parse(inflateSync(row.tokens).toString('utf8')) as TokenChoice[]);
    },
    setTokens: (messageId: string, choices: readonly TokenChoice[]): void =>
      database.write(() => void setTokens.run(messageId, deflateSync(JSON.stringify(choices)))),
    /** How the user wants a model loaded. */
    loadSettings: (modelId: string): LoadSettings | undefined => {
      const row = loadSettings.get(modelId);
      return row === undefined ? undefined : (JSON.parse(row.settings) as LoadSettings);
    },
    setLoadSettings: (modelId: string, settings: LoadSettings | null): void =>
      database.write(
        () => void (settings === null ? removeLoadSettings.run(modelId) : setLoadSettings.run(modelId, JSON.stringify(settings))),
      ),
  };
}
