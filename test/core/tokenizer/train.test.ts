import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';
import { byteAlphabet } from '#core/tokenizer/byte-alphabet.ts';
import { splitterName } from '#core/tokenizer/splitters.ts';
import { parseTokenizerJson } from '#core/tokenizer/tokenizer-json.ts';
import { MIN_TRAINED_VOCABULARY, trainTokenizer } from '#core/tokenizer/train.ts';
import { readTestFile } from '#test/byte-source.ts';
import { vocabularyOf } from './fixtures.ts';

const text = (path: string): string => new TextDecoder().decode(readTestFile(path));
const stories = text('../resources/demo/stories.txt');
const golden = JSON.parse(text('golden/tokenizer/byte-level.json')) as { merges: string[][]; encoded: { text: string; ids: number[] }[] };
const trained = trainTokenizer(stories, 1024);
const library = new Tokenizer(JSON.parse(trained.files.tokenizerJson) as object, JSON.parse(trained.files.tokenizerConfig) as object);
const plain = { add_special_tokens: false };

const hostile = [
  'Hello, world!',
  '🦊🔥👩‍👩‍👧‍👦 🇺🇳 é́̂',
  '你好，世界！こんにちは 안녕하세요',
  'tabs\t\ttwo  spaces   three\n\n\r\nends  ',
  '\u0001\u0002\u001f\u007f\u0085\u00a0\u2028\u200b\ufeff',
  "it's IT'S we'll 'RE …—“”",
  '0123456789 3.14159 1,000,000',
  'Ġ▁<0x0A>[PAD1]<|not special|>',
  ' ',
];

describe('a trained tokenizer', () => {
  it('learns the merges that Hugging Face learns from the same text', () => {
    const { model } = JSON.parse(trained.files.tokenizerJson) as { model: { merges: string[][] } };
    expect(model.merges).toEqual(golden.merges);
    expect(trained.vocabularySize).toBe(1024);
  });

  it.each(golden.encoded)('encodes as Hugging Face does: $text', ({ text: input, ids }) => {
    expect(library.encode(input, plain).ids).toEqual(ids);
  });

  it.each(hostile)('gives back any text: %j', (input) => {
    expect(library.decode(library.encode(input, plain).ids)).toBe(input);
  });

  it('puts the mark of the beginning in front, and knows the marks of turns', () => {
    const { ids } = library.encode('<|im_start|>user\nHi<|im_end|>');
    expect(ids[0]).toBe(trained.specialIds.bos);
    expect(ids[1]).toBe(trained.specialIds.turnStart);
    expect(ids.at(-1)).toBe(trained.specialIds.turnEnd);
  });

  it('becomes a whole GGUF vocabulary whose rule is known', () => {
    const vocabulary = vocabularyOf(trained.files, { vocab_size: 1030 });
    expect(splitterName(parseTokenizerJson(trained.files.tokenizerJson))).toBe('gpt-2');
    expect(vocabulary.tokens.slice(0, 5)).toEqual(['<|bos|>', '<|eos|>', '<|pad|>', '<|im_start|>', '<|im_end|>']);
    expect(vocabulary.tokens.slice(1023, 1025)).toEqual([golden.merges.at(-1)?.join(''), '[PAD1024]']);
    expect(vocabulary.specialIds).toEqual({ bos: 0, eos: 1, pad: 2 });
    expect(vocabulary.add).toEqual({ bos: true, eos: false });
    expect(vocabulary.chatTemplates.default).toContain('<|im_start|>');
    expect(vocabulary.merges).toHaveLength(golden.merges.length);
  });

  it('is the same for the same text, and smaller where the text has no more to learn', () => {
    expect(trainTokenizer(stories, 1024)).toEqual(trained);
    // "ab" twice: a b. Once as " ab" too, so the pair is counted three times, and no other twice.
    expect(trainTokenizer('ab\nab ab', 512).vocabularySize).toBe(MIN_TRAINED_VOCABULARY + 1);
    expect(trainTokenizer('', 512).vocabularySize).toBe(MIN_TRAINED_VOCABULARY);
    expect(() => trainTokenizer('', MIN_TRAINED_VOCABULARY - 1)).toThrow(RangeError);
  });

  it('counts pairs that lie over each other once for each merge', () => {
    // "aaaa" ten times: aa, then aaaa; "aaa" never comes out, as pairs are taken from the left.
    const { model } = JSON.parse(trainTokenizer('aaaa\n'.repeat(10), 300).files.tokenizerJson) as { model: { merges: string[][] } };
    expect(model.merges).toEqual([
      ['a', 'a'],
      ['aa', 'aa'],
    ]);
  });
});

describe("GPT-2's alphabet", () => {
  it('has a character for every byte: its own, or one from U+0100 for the 68 that do not print', () => {
    expect(new Set(byteAlphabet).size).toBe(256);
    expect([0x41, 0x00, 0x20, 0x0a, 0x7f, 0xa0, 0xad, 0xff].map((byte) => byteAlphabet[byte])).toEqual([
      'A',
      'Ā',
      'Ġ',
      'Ċ',
      'ġ',
      'ł',
      'Ń',
      'ÿ',
    ]);
  });
});

describe('the demo text', () => {
  it('is what its script writes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lathe-demo-text-'));
    try {
      const file = join(folder, 'stories.txt');
      await promisify(execFile)(process.execPath, [fileURLToPath(new URL('../../../scripts/make-demo-text.mjs', import.meta.url)), file]);
      expect(await readFile(file, 'utf8')).toBe(stories);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
