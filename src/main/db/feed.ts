import { listeners, type Listeners } from '../changes.ts';
import type { Database } from './open.ts';

export type Topic = 'model' | 'job' | 'thread' | 'settings' | 'benchmark' | 'remote' | 'memory';

/** How soon a process hears of what another one wrote. */
const POLL_MS = 1000;

/** Tells what was written to the database, by this process at once and by others within a second. */
export interface ChangeFeed {
  /** Called with the id of whatever of the topic was added, changed or removed. Returns what ends that. */
  subscribe(topic: Topic, listener: (id: string) => void): () => void;
  /** Look for changes now. */
  flush(): void;
  close(): void;
}

export function followChanges(database: Database): ChangeFeed {
  const { connection } = database;
  const topics: Readonly<Record<Topic, Listeners<string>>> = {
    model: listeners(),
    job: listeners(),
    thread: listeners(),
    settings: listeners(),
    benchmark: listeners(),
    remote: listeners(),
    memory: listeners(),
  };
  const read = connection.prepare<[number], { number: number; topic: Topic; id: string }>(
    'SELECT number, topic, id FROM changes WHERE number > ? ORDER BY number',
  );
  const newest = connection.prepare<[], number | null>('SELECT max(number) FROM changes').pluck();
  let seen = newest.get() ?? 0;
  let version: unknown;
  let timer: NodeJS.Timeout | undefined;
  let subscribers = 0;
  let isFlushing = false;

  const flush = (): void => {
    // A listener may write; what it wrote is told in the next round.
    if (isFlushing || !connection.open || connection.inTransaction) return;
    isFlushing = true;
    try {
      for (let rows = read.all(seen); rows.length > 0; rows = read.all(seen)) {
        seen = rows.at(-1)?.number ?? seen;
        const told = new Set<string>();
        for (const { topic, id } of rows) {
          if (told.has(`${topic} ${id}`)) continue;
          told.add(`${topic} ${id}`);
          topics[topic].emit(id);
        }
      }
    } finally {
      isFlushing = false;
    }
  };
  /** `data_version` changes with every transaction of another connection, and costs no read. */
  const poll = (): void => {
    const now = connection.pragma('data_version', { simple: true });
    if (now !== version) flush();
    version = now;
  };
  database.onWrite = flush;

  return {
    subscribe: (topic, listener) => {
      const leave = topics[topic].add(listener);
      subscribers += 1;
      timer ??= setInterval(poll, POLL_MS).unref();
      let left = false;
      return () => {
        if (left) return;
        left = true;
        leave();
        subscribers -= 1;
        if (subscribers > 0) return;
        clearInterval(timer);
        timer = undefined;
      };
    },
    flush,
    close: () => clearInterval(timer),
  };
}
