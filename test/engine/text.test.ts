import { describe, expect, it } from 'vitest';
import type { Token } from 'node-llama-cpp';
import { TokenText, type Detokenize } from '#engine/inference/text.ts';

/** A vocabulary of bytes: token n is byte n, as a model with byte tokens writes what it has no pieces for. */
const bytes: Detokenize = (tokens) => new TextDecoder().decode(Uint8Array.from(tokens));
const tokensOf = (text: string): Token[] => [...new TextEncoder().encode(text)] as Token[];

function stream(tokens: readonly Token[], detokenize = bytes): string[] {
  const words = new TokenText(detokenize, []);
  return [...tokens.map((token) => words.push(token)), words.end()];
}

describe('text from tokens', () => {
  it('never shows half a character, whatever number of tokens it is spread over', () => {
    for (const text of ['é', '中文', 'a🧵b', '👩‍👩‍👧', 'naïve café 日本語 🏳️‍🌈!']) {
      const parts = stream(tokensOf(text));
      expect(parts.join('')).toBe(text);
      expect(parts.some((part) => part.includes('\uFFFD'))).toBe(false);
    }
  });

  it('shows a character with the last of its tokens, not later', () => {
    expect(stream(tokensOf('🧵a'))).toEqual(['', '', '', '🧵', 'a', '']);
  });

  it('gives up on bytes that are no text after four tokens', () => {
    const broken = [0x80, 0x80, 0x80, 0x80, 0x61] as Token[];
    expect(stream(broken)).toEqual(['', '', '', '\uFFFD'.repeat(4), 'a', '']);
  });

  it('hands out what is left of a character when the tokens end', () => {
    expect(stream(tokensOf('aé').slice(0, 2))).toEqual(['a', '', '\uFFFD']);
  });

  it('tells the decoder what came before, so that a leading space is kept within an answer', () => {
    const pieces = [' Once', ' upon', ' a', ' time'];
    // As SentencePiece does: the space of the very first piece is not part of the text.
    const spaced: Detokenize = (tokens, last) => {
      const text = tokens.map((token) => pieces[token]).join('');
      return last.length === 0 ? text.trimStart() : text;
    };
    expect(stream([0, 1, 2, 3] as Token[], spaced).join('')).toBe('Once upon a time');
    const afterPrompt = new TokenText(spaced, [0 as Token]);
    expect(afterPrompt.push(1 as Token)).toBe(' upon');
  });
});
