import { expect, test } from 'vitest';
import { rankEntries } from '#renderer/dialogs/palette-rank.ts';

const entry = (title: string, words = title) => ({ title, words });
const titles = (entries: readonly { title: string }[]): string[] => entries.map(({ title }) => title);

test('the start of a word counts more than its middle, an early word more than a late one', () => {
  const entries = [entry('Show the log'), entry('Catalogue'), entry('Log level')];
  expect(titles(rankEntries(entries, 'log'))).toEqual(['Log level', 'Show the log', 'Catalogue']);
});

test('every word has to be found, in any order', () => {
  const entries = [entry('Chat: Qwen2.5 7B'), entry('Chat: Llama 8B')];
  expect(titles(rankEntries(entries, '7b chat'))).toEqual(['Chat: Qwen2.5 7B']);
  expect(rankEntries(entries, 'chat phi')).toEqual([]);
});

test('other words lead to a command too', () => {
  expect(titles(rankEntries([entry('Switch to English', 'Switch to English language 语言')], '语言'))).toEqual(['Switch to English']);
});
