import type { SearchHit } from '#contract/chat.ts';
import type { Found } from '../db/chats.ts';

/** Letters around a find: about two lines of a side bar. */
const BEFORE = 30;
const AFTER = 90;

/** The words of a search; what stands in quotation marks is one. */
export const wordsOf = (query: string): string[] =>
  [...query.matchAll(/"([^"]+)"|([^\s"]+)/g)].map(([, quoted, word]) => (quoted ?? word ?? '').trim()).filter((word) => word !== '');

/** Where a found message has the first of the words. */
export function hitOf({ message, title }: Found, words: readonly string[]): SearchHit {
  const { text } = message;
  const lower = text.toLowerCase();
  // A few letters change their length with their case; a place beyond the text is none.
  const places = words.map((word) => ({ at: lower.indexOf(word.toLowerCase()), length: word.length })).filter(({ at }) => at >= 0);
  const { at, length } = places.toSorted((left, right) => left.at - right.at)[0] ?? { at: 0, length: 0 };
  const from = Math.max(0, at - BEFORE);
  const plain = (part: string): string => part.toWellFormed().replace(/\s+/g, ' ');
  return {
    threadId: message.threadId,
    title,
    messageId: message.id,
    role: message.role,
    excerpt: [
      `${from > 0 ? '…' : ''}${plain(text.slice(from, at))}`,
      plain(text.slice(at, at + length)),
      `${plain(text.slice(at + length, at + length + AFTER))}${at + length + AFTER < text.length ? '…' : ''}`,
    ],
    createdMs: message.createdMs,
  };
}
