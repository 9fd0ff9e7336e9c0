import { expect, test } from 'vitest';
import { pathTo, titleOf, turnsTo, type Said } from '#core/chat/thread.ts';

const said = (id: string, parentId: string | null, role: Said['role'], text = id): Said => ({ id, parentId, role, text });

/** A question with two answers, the second of which was followed by an edited question. */
const tree = [
  said('q1', null, 'user'),
  said('a1', 'q1', 'assistant'),
  said('a2', 'q1', 'assistant'),
  said('q2', 'a2', 'user'),
  said('q3', 'a2', 'user'),
  said('a3', 'q3', 'assistant'),
];

test('the way to a message leads over its own branch only', () => {
  expect(pathTo(tree, 'a3').map(({ id }) => id)).toEqual(['q1', 'a2', 'q3', 'a3']);
  expect(pathTo(tree, 'a1').map(({ id }) => id)).toEqual(['q1', 'a1']);
  expect(pathTo(tree, null)).toEqual([]);
  expect(pathTo(tree, 'nobody')).toEqual([]);
});

test('a circle of parents ends', () => {
  expect(pathTo([said('a', 'b', 'user'), said('b', 'a', 'user')], 'a').map(({ id }) => id)).toEqual(['b', 'a']);
});

test('an answer that failed before its first word is no turn, and roles alternate', () => {
  const messages = [said('q1', null, 'user'), said('a1', 'q1', 'assistant', ''), said('q2', 'a1', 'user'), said('a2', 'q2', 'assistant')];
  expect(turnsTo(messages, 'a2')).toEqual([
    { role: 'user', text: 'q1\n\nq2' },
    { role: 'assistant', text: 'a2' },
  ]);
});

test.each([
  ['How are you?', 'How are you?'],
  ['\n\n  First line \nSecond line', 'First line'],
  ['a\tb\u0000c', 'a b c'],
  ['', ''],
  [
    'Write a story about a lathe that turned all day long and then wanted to look out of the window',
    'Write a story about a lathe that turned all day long and…',
  ],
  ['x'.repeat(100), `${'x'.repeat(60)}…`],
])('the title of %j', (text, title) => {
  expect(titleOf(text)).toEqual(title);
});

test('a title never ends in half a character', () => {
  // The sixtieth unit is the first half of the face.
  const title = titleOf(`${'_'.repeat(59)}😀${'_'.repeat(40)}`);
  expect(title.isWellFormed()).toBe(true);
  expect(title).not.toContain('\uFFFD');
});

test('a Chinese title is cut between words, though there are no spaces', () => {
  const title = titleOf(
    '请写一个关于一台整天转动的车床的故事，它有一天想要看看窗外的风景，于是木匠坐在它旁边，他们一起看着树木直到晚上，第二天车床又转动起来了，勺子比以前更圆了。',
  );
  expect(title.length).toBeLessThanOrEqual(61);
  expect(title.length).toBeGreaterThan(50);
  expect(title.endsWith('…')).toBe(true);
});
