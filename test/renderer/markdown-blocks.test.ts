import { describe, expect, test } from 'vitest';
import { splitBlocks } from '#renderer/markdown/blocks.ts';

describe('the blocks of an answer', () => {
  test('are what blank lines part', () => {
    expect(splitBlocks('# Title\n\nOne\ntwo\n\n\nThree')).toEqual(['# Title', 'One\ntwo', 'Three']);
  });

  test('a fence holds its blank lines', () => {
    expect(splitBlocks('```js\na\n\nb\n```\n\nafter')).toEqual(['```js\na\n\nb\n```', 'after']);
  });

  test('a longer fence is not closed by a shorter one, nor by the other kind', () => {
    expect(splitBlocks('````\n```\n\n~~~\n````\n\nafter')).toEqual(['````\n```\n\n~~~\n````', 'after']);
  });

  test('a fence that is still open takes the rest', () => {
    expect(splitBlocks('text\n\n```py\na\n\nb')).toEqual(['text', '```py\na\n\nb']);
  });

  test('a list with blank lines between its items stays whole, as its numbers do', () => {
    expect(splitBlocks('1. one\n\n2. two\n\n   more of two\n\nafter')).toEqual(['1. one\n\n2. two\n\n   more of two', 'after']);
  });

  test('what is written never changes an earlier block', () => {
    const text = 'Intro\n\n- a\n- b\n\n```js\nx\n\ny\n```\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\nEnd of it.';
    const final = splitBlocks(text);
    for (let length = 1; length < text.length; length += 1) {
      const blocks = splitBlocks(text.slice(0, length));
      expect(blocks.slice(0, -1)).toEqual(final.slice(0, blocks.length - 1));
    }
  });
});
