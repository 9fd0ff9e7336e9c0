import { expect, test } from 'vitest';
import { sampling, type Thread } from '#contract/chat.ts';
import { groupThreads } from '#renderer/screens/chat/thread-groups.ts';

const at = (title: string, date: string): Thread => ({
  id: title,
  title,
  modelId: null,
  remote: null,
  mode: 'chat',
  systemPrompt: '',
  sampling: sampling.parse({}),
  answerCount: 1,
  adapters: [],
  tools: [],
  folder: '',
  createdMs: 0,
  updatedMs: new Date(date).getTime(),
});

const groups = (threads: readonly Thread[], now: string): [unknown, string[]][] =>
  groupThreads(threads, new Date(now).getTime()).map(({ name, threads: members }) => [name, members.map(({ title }) => title)]);

test('goes by days of the calendar, not by 24 hours', () => {
  expect(groups([at('late last night', '2026-03-09T23:59'), at('just now', '2026-03-10T00:05')], '2026-03-10T00:10')).toEqual([
    ['today', ['just now']],
    ['yesterday', ['late last night']],
  ]);
});

test('a week, a month, then months by name; newest first within each', () => {
  const threads = [
    at('2 d', '2026-05-18T09:00'),
    at('6 d', '2026-05-14T09:00'),
    at('7 d', '2026-05-13T09:00'),
    at('29 d', '2026-04-21T09:00'),
    at('old', '2026-02-03T09:00'),
    at('older', '2026-02-01T09:00'),
    at('last year', '2025-02-01T09:00'),
  ];
  expect(groups(threads.toReversed(), '2026-05-20T12:00')).toEqual([
    ['week', ['2 d', '6 d']],
    ['month', ['7 d', '29 d']],
    [{ year: 2026, month: 1 }, ['old', 'older']],
    [{ year: 2025, month: 1 }, ['last year']],
  ]);
});

test('a clock that runs ahead elsewhere is still today', () => {
  expect(groups([at('tomorrow', '2026-05-21T09:00')], '2026-05-20T12:00')).toEqual([['today', ['tomorrow']]]);
});
