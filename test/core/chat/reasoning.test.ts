import { expect, test } from 'vitest';
import { splitReasoning } from '#core/chat/reasoning.ts';

test.each([
  ['<think>\nHm.\n</think>\n\nYes.', 'Hm.', 'Yes.', false],
  ['<think>Hm', 'Hm', '', true],
  ['The template opened it.</think>Yes.', 'The template opened it.', 'Yes.', false],
  ['<think></think>Yes.', '', 'Yes.', false],
  ['<thinking>a </think> b</thinking>c', 'a </think> b', 'c', false],
  ['Plain words.', '', 'Plain words.', false],
  ['```html\n</think>\n```', '', '```html\n</think>\n```', false],
  ['Write <think> first.', '', 'Write <think> first.', false],
])('%s', (text, reasoning, answer, isOpen) => {
  expect(splitReasoning(text)).toEqual({ reasoning, answer, isOpen });
});
