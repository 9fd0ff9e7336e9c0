import type { PromptTurn, ToolCall } from './turn.ts';

/** What of a message matters to the shape of a thread. */
export interface Node {
  readonly id: string;
  /** Null for a first message. */
  readonly parentId: string | null;
}

export interface Said extends Node {
  readonly role: 'user' | 'assistant' | 'tool';
  readonly text: string;
  readonly toolCalls?: readonly ToolCall[] | undefined;
  readonly toolCallId?: string | undefined;
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

/** A turn, and the last of the messages that it was made of. */
interface PlacedTurn {
  readonly turn: PromptTurn;
  readonly lastId: string;
}

/**
 * What a model gets to read: the texts on the way to a message. An answer that failed before its first word is left out, and
 * what then stands next to each other with one role becomes one turn, since templates ask for roles that alternate. A call that
 * nobody answered is left out too: templates ask for a result after each.
 */
export const turnsTo = (messages: readonly Said[], leafId: string | null): PromptTurn[] =>
  turnsOf(pathTo(messages, leafId)).map(({ turn }) => turn);

/**
 * The last message of a path that a cut leaves out; null where nothing is left out.
 * @param path messages from the first one on
 * @param droppedTurns of `turnsTo`
 */
export const lastDropped = (path: readonly Said[], droppedTurns: number): string | null =>
  droppedTurns === 0 ? null : (turnsOf(path)[droppedTurns - 1]?.lastId ?? null);

function turnsOf(path: readonly Said[]): PlacedTurn[] {
  const turns: PlacedTurn[] = [];
  for (const [index, { id, role, text, toolCalls = [], toolCallId }] of path.entries()) {
    if (role === 'tool') {
      turns.push({ turn: { role, text, toolCallId }, lastId: id });
      continue;
    }
    const calls = path[index + 1]?.role === 'tool' ? toolCalls : [];
    if (role === 'assistant' && text === '' && calls.length === 0) continue;
    const last = turns.at(-1);
    if (last?.turn.role === role && calls.length === 0 && last.turn.toolCalls === undefined)
      turns[turns.length - 1] = { turn: { role, text: `${last.turn.text}\n\n${text}` }, lastId: id };
    else turns.push({ turn: { role, text, ...(calls.length === 0 ? {} : { toolCalls: calls }) }, lastId: id });
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
