import { describe, expect, test } from 'vitest';
import type { Message } from '#contract/chat.ts';
import { visibleTurns } from '#renderer/screens/chat/message-tree.ts';

let clock = 0;
const say = (id: string, parentId: string | null): Message => ({
  id,
  threadId: 't',
  parentId,
  role: id.startsWith('u') ? 'user' : 'assistant',
  text: id,
  facts: null,
  error: null,
  createdMs: (clock += 1),
});
const path = (messages: readonly Message[], choices = {}): string[] => visibleTurns(messages, choices).map(({ message }) => message.id);

describe('the branch in view', () => {
  const messages = [say('u1', null), say('a1', 'u1'), say('a2', 'u1'), say('u2', 'a1'), say('a3', 'u2'), say('u3', 'a2')];

  test('follows the newest answer where nothing was chosen', () => {
    expect(path(messages)).toEqual(['u1', 'a2', 'u3']);
  });

  test('follows a choice, and all that came after it', () => {
    expect(path(messages, { u1: 'a1' })).toEqual(['u1', 'a1', 'u2', 'a3']);
  });

  test('a choice that is not there any more is no choice', () => {
    expect(path(messages, { u1: 'gone' })).toEqual(['u1', 'a2', 'u3']);
  });

  test('tells each message its place among its siblings', () => {
    expect(visibleTurns(messages, {}).map(({ siblings, index }) => [siblings.length, index])).toEqual([
      [1, 0],
      [2, 1],
      [1, 0],
    ]);
  });

  test('the first message can have siblings too: it was edited', () => {
    expect(path([say('u1', null), say('u2', null), say('a1', 'u1')], { root: 'u1' })).toEqual(['u1', 'a1']);
  });

  test('the order of arrival does not matter, only the time', () => {
    const [first, second] = [say('a1', 'u1'), say('a2', 'u1')];
    expect(path([second, first, say('u1', null)])).toEqual(['u1', 'a2']);
  });

  test('a circle of parents ends', () => {
    expect(path([say('u1', null), { ...say('a1', 'u1'), id: 'u1', parentId: 'u1' }])).toEqual(['u1']);
    expect(path([{ ...say('u1', 'a1') }, say('a1', 'u1')])).toEqual([]);
  });
});
