/** What of a message matters to the shape of a thread. */
export interface Node {
  readonly id: string;
  /** Null for a first message. */
  readonly parentId: string | null;
}

export interface Said extends Node {
  readonly role: 'user' | 'assistant';
  readonly text: string;
}

export interface Turn {
  readonly role: 'user' | 'assistant';
  readonly text: string;
}

/** The messages from the first one to `leafId`, in order. Empty where there is no such message. */
export function pathTo<T extends Node>(messages: readonly T[], leafId: string | null): T[] {
  const byId = new Map(messages.map((message) => [message.id, message]));
  const path: T[] = [];
  // Each step takes its message out: a circle, which no writer makes, would end here too.
  for (let id = leafId; id !== null;) {
    const message = byId.get(id);
    if (message === undefined) break;
    byId.delete(id);
    path.push(message);
    id = message.parentId;
  }
  return path.reverse();
}

/**
 * What a model gets to read: the texts on the way to a message. An answer that failed before its first word is left out, and
 * what then stands next to each other with one role becomes one turn, since templates ask for roles that alternate.
 */
export function turnsTo(messages: readonly Said[], leafId: string | null): Turn[] {
  const turns: Turn[] = [];
  for (const { role, text } of pathTo(messages, leafId)) {
    if (role === 'assistant' && text === '') continue;
    const last = turns.at(-1);
    if (last?.role === role) turns[turns.length - 1] = { role, text: `${last.text}\n\n${text}` };
    else turns.push({ role, text });
  }
  return turns;
}

/** Long enough to know a conversation by, short enough for a side bar. */
const TITLE_LENGTH = 60;

/** Also Chinese and Thai, which write no spaces between words. */
const words = new Intl.Segmenter(undefined, { granularity: 'word' });

/** A thread's title from its first message: the first line, cut between words. */
export function titleOf(text: string): string {
  const line = (/\S.*/.exec(text)?.[0] ?? '').replace(/\p{C}/gu, ' ').replace(/\s+/g, ' ').trim();
  if (line.length <= TITLE_LENGTH) return line;
  let title = '';
  // Only the beginning: a line can be a whole book.
  for (const { segment } of words.segment(line.slice(0, TITLE_LENGTH + 20))) {
    if (title.length + segment.length > TITLE_LENGTH) break;
    title += segment;
  }
  // One word longer than a title, as an address is; never half of a surrogate pair.
  if (title.trim() === '')
    title = line
      .slice(0, TITLE_LENGTH)
      .toWellFormed()
      .replace(/\uFFFD$/, '');
  return `${title.trimEnd()}…`;
}
