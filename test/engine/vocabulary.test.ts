import { describe, expect, it } from 'vitest';
import { arr, str, type GgufValue } from '#core/gguf/values.ts';
import { readGguf } from '#core/gguf/read.ts';
import { openFileSource } from '#engine/file-source.ts';
import { vocabularyCheck } from '#engine/inference/vocabulary.ts';
import { realModelPath, realModels, realModelsNote } from '#test/real-models.ts';

const metadata = (entries: Record<string, GgufValue>) => ({ file: 'test', metadata: new Map(Object.entries(entries)) });

/** A SentencePiece vocabulary without byte tokens. */
const small = metadata({
  'tokenizer.ggml.model': str('llama'),
  'tokenizer.ggml.tokens': arr('str', ['<unk>', '<s>', '<|user|>', '▁', 'a', 'b', '中', '<0x0A>', '[note]']),
  'tokenizer.ggml.token_type': arr('i32', [2, 3, 3, 1, 1, 1, 1, 6, 4]),
});

describe('the vocabulary check', () => {
  it('passes characters that are tokens, a space as its mark, and bytes that are tokens', () => {
    expect(() => vocabularyCheck(small)('a b中\n', false)).not.toThrow();
  });

  it.each([
    ['c', 'c (U+0063)'],
    ['aé', 'é (U+00E9)'],
    ['\t', 'U+0009'],
    ['🧵', '🧵 (U+1F9F5)'],
    ['a\u0000', 'U+0000'],
    ['\ud800', '\ufffd (U+FFFD)'],
    ['\u202e', 'U+202E'],
  ])('names the character of %j that is missing', (text, character) => {
    expect(() => vocabularyCheck(small)(text, false)).toThrow(
      expect.objectContaining({ code: 'tokenizer.unsupportedText', params: { character } }),
    );
  });

  it('takes names of control tokens for these tokens only where they are read so, and user-defined ones always', () => {
    const check = vocabularyCheck(small);
    expect(() => check('<|user|>a[note]', true)).not.toThrow();
    expect(() => check('a[note]', false)).not.toThrow();
    expect(() => check('<|user|>a', false)).toThrow(expect.objectContaining({ params: { character: '< (U+003C)' } }));
  });

  it('passes everything where all bytes are tokens, as SentencePiece or GPT-2 write them', () => {
    const hex = (byte: number): string => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
    const spm = Array.from({ length: 256 }, (_, byte) => hex(byte));
    // GPT-2's table by its own definition (openai/gpt-2, encoder.py).
    const printable = [...Array(94).keys()]
      .map((i) => i + 33)
      .concat(
        [...Array(12).keys()].map((i) => i + 161),
        [...Array(82).keys()].map((i) => i + 174),
      );
    let extra = 0;
    const gpt2 = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable.includes(byte) ? byte : 256 + extra++));
    for (const [model, tokens] of [
      ['llama', spm],
      ['gpt2', gpt2],
    ] as const) {
      const whole = metadata({ 'tokenizer.ggml.model': str(model), 'tokenizer.ggml.tokens': arr('str', tokens) });
      expect(() => vocabularyCheck(whole)('Café\t🧵\u0000', false)).not.toThrow();
      const lacking = tokens.filter((_, byte) => byte !== 0xc3);
      const part = metadata({ 'tokenizer.ggml.model': str(model), 'tokenizer.ggml.tokens': arr('str', lacking) });
      expect(() => vocabularyCheck(part)('Cafe', false)).not.toThrow();
      expect(() => vocabularyCheck(part)('Café', false)).toThrow(expect.objectContaining({ params: { character: 'é (U+00E9)' } }));
    }
  });

  it.skipIf(realModels === null)(`knows what story656K lacks${realModelsNote}`, async () => {
    await using source = await openFileSource(realModelPath('story656k', 'story656K-f32.gguf'));
    const check = vocabularyCheck(await readGguf(source));
    const fails = (character: string): boolean => {
      try {
        check(character, false);
        return false;
      } catch {
        return true;
      }
    };
    const ascii = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index));
    // Measured: llama.cpp was given each character in a process of its own, and these ended it.
    expect(ascii.filter(fails).join('')).toBe('#%&()*+/=@[\\]^`{}~');
    expect(fails('é') && fails('\t')).toBe(true);
  });
});
