import type { Message, Thread } from '#contract/chat.ts';
import type { AppErrorData } from '#core/errors/index.ts';
import type { Database } from './open.ts';

interface ThreadRow {
  readonly id: string;
  readonly title: string;
  readonly model_id: string | null;
  readonly mode: Thread['mode'];
  readonly system_prompt: string;
  readonly sampling: string;
  readonly created_ms: number;
  readonly updated_ms: number;
}

interface MessageRow {
  readonly id: string;
  readonly thread_id: string;
  readonly parent_id: string | null;
  readonly role: Message['role'];
  readonly text: string;
  readonly facts: string | null;
  readonly error: string | null;
  readonly created_ms: number;
}

const threadOf = (row: ThreadRow): Thread => ({
  id: row.id,
  title: row.title,
  modelId: row.model_id,
  mode: row.mode,
  systemPrompt: row.system_prompt,
  sampling: JSON.parse(row.sampling) as Thread['sampling'],
  createdMs: row.created_ms,
  updatedMs: row.updated_ms,
});

const messageOf = (row: MessageRow): Message => ({
  id: row.id,
  threadId: row.thread_id,
  parentId: row.parent_id,
  role: row.role,
  text: row.text,
  facts: row.facts === null ? null : (JSON.parse(row.facts) as Message['facts']),
  error: row.error === null ? null : (JSON.parse(row.error) as AppErrorData),
  createdMs: row.created_ms,
});

export type ChatRepository = ReturnType<typeof chatRepository>;

/** Threads and their messages. A removed thread is kept for a while, and is not found by anything but `restore`. */
export function chatRepository(database: Database) {
  const { connection } = database;
  const threads = connection.prepare<[], ThreadRow>('SELECT * FROM threads WHERE removed_ms IS NULL ORDER BY updated_ms DESC, rowid DESC');
  const threadById = connection.prepare<[string], ThreadRow>('SELECT * FROM threads WHERE id = ? AND removed_ms IS NULL');
  const messages = connection.prepare<[string], MessageRow>('SELECT * FROM messages WHERE thread_id = ? ORDER BY rowid');
  const messageById = connection.prepare<[string], MessageRow>('SELECT * FROM messages WHERE id = ?');
  const insertThread = connection.prepare(
    `INSERT INTO threads (id, title, model_id, mode, system_prompt, sampling, created_ms, updated_ms)
     VALUES (@id, @title, @modelId, @mode, @systemPrompt, @sampling, @createdMs, @updatedMs)`,
  );
  const setThread = connection.prepare(
    `UPDATE threads SET title = @title, model_id = @modelId, mode = @mode, system_prompt = @systemPrompt, sampling = @sampling,
       updated_ms = @updatedMs WHERE id = @id`,
  );
  const setRemoved = connection.prepare('UPDATE threads SET removed_ms = ? WHERE id = ?');
  const purge = connection.prepare('DELETE FROM threads WHERE removed_ms < ?');
  const insertMessage = connection.prepare(
    `INSERT INTO messages (id, thread_id, parent_id, role, text, facts, error, created_ms)
     VALUES (@id, @threadId, @parentId, @role, @text, @facts, @error, @createdMs)`,
  );
  const setText = connection.prepare('UPDATE messages SET text = ? WHERE id = ?');
  const setEnd = connection.prepare('UPDATE messages SET text = @text, facts = @facts, error = @error WHERE id = @id');
  const removeMessage = connection.prepare('DELETE FROM messages WHERE id = ?');

  const json = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));

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
    addThread: (thread: Thread): void =>
      database.write(() => void insertThread.run({ ...thread, sampling: JSON.stringify(thread.sampling) })),
    setThread: (thread: Thread): void => database.write(() => void setThread.run({ ...thread, sampling: JSON.stringify(thread.sampling) })),
    removeThread: (id: string, removedMs: number): void => database.write(() => void setRemoved.run(removedMs, id)),
    restoreThread: (id: string): void => database.write(() => void setRemoved.run(null, id)),
    /** Delete threads that were removed before a time. */
    purge: (beforeMs: number): void => database.write(() => void purge.run(beforeMs)),
    addMessage: (message: Message): void =>
      database.write(() => void insertMessage.run({ ...message, facts: json(message.facts), error: json(message.error) })),
    /** What there is of an answer so far. */
    setText: (id: string, text: string): void => database.write(() => void setText.run(text, id)),
    endMessage: ({ id, text, facts, error }: Message): void =>
      database.write(() => void setEnd.run({ id, text, facts: json(facts), error: json(error) })),
    /** A message and all that follow it. */
    removeMessage: (id: string): void => database.write(() => void removeMessage.run(id)),
  };
}
