import { describe, expect, test } from 'vitest';
import { newSentences } from '#renderer/screens/chat/sentences.ts';

/** What is read out while a text grows by one character at a time. */
function readOut(text: string): string[] {
  const said: string[] = [];
  let from = 0;
  for (let length = 1; length <= text.length; length += 1) {
    const { said: sentence, upTo } = newSentences(text.slice(0, length), from, false);
    from = upTo;
    if (sentence !== '') said.push(sentence);
  }
  const { said: rest } = newSentences(text, from, true);
  return rest === '' ? said : [...said, rest];
}

describe('an answer is read out by sentence', () => {
  test('each sentence once, when it is whole', () => {
    expect(readOut('One. Two! Three? Four')).toEqual(['One.', 'Two!', 'Three?', 'Four']);
  });

  test('a point in a number or an address ends nothing', () => {
    expect(readOut('It is 3.14 on node.js today. Good.')).toEqual(['It is 3.14 on node.js today.', 'Good.']);
  });

  test('Chinese sentences need no space after them', () => {
    expect(readOut('你好。今天好吗？好')).toEqual(['你好。', '今天好吗？', '好']);
  });

  test('a line is read when it ends', () => {
    expect(readOut('- one\n- two\n')).toEqual(['- one', '- two']);
  });

  test('nothing is lost and nothing is said twice', () => {
    const text = 'A. "B." (C!) D… 甲。“乙！”丙\nE 1.5 f.g';
    expect(readOut(text).join('').replaceAll(/\s/g, '')).toBe(text.replaceAll(/\s/g, ''));
  });
});
