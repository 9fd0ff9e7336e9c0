import { describe, expect, it } from 'vitest';
import { CHECK_TEXT, preTokenizersByHash } from '#core/tokenizer/pre-tokenizers.ts';
import { describeSplitter, splitterName } from '#core/tokenizer/splitters.ts';
import { parseTokenizerJson } from '#core/tokenizer/tokenizer-json.ts';
import { byteLevelJson } from './fixtures.ts';

const bytesOnly = { type: 'ByteLevel', add_prefix_space: false, use_regex: false };
const gpt2 = { type: 'ByteLevel', add_prefix_space: false, use_regex: true };
const digits = { type: 'Digits', individual_digits: true };
const split = (regex: string, behavior = 'Isolated', invert = false) => ({ type: 'Split', pattern: { Regex: regex }, behavior, invert });
const sequence = (...pretokenizers: object[]) => ({ type: 'Sequence', pretokenizers });

// As the tokenizer.json files of these models spell them.
const LLAMA3 =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const QWEN2 = LLAMA3.replace('{1,3}', '');
const TEKKEN =
  '[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const GPT4O =
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const DEEPSEEK3 = [
  '\\p{N}{1,3}',
  '[一-龥぀-ゟ゠-ヿ]+',
  '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+',
];

const parse = (preTokenizer: unknown, ignoreMerges = false, normalizer: unknown = null) =>
  parseTokenizerJson(byteLevelJson({ ignore_merges: ignoreMerges }, { pre_tokenizer: preTokenizer, normalizer }));

describe('the rule that splits text', () => {
  it.each([
    ['gpt-2', gpt2, false],
    ['smollm', sequence(digits, gpt2), false],
    ['llama-bpe', sequence(split(LLAMA3), bytesOnly), true],
    ['smaug-bpe', sequence(split(LLAMA3), bytesOnly), false],
    ['qwen2', sequence(split(QWEN2), bytesOnly), false],
    ['tekken', sequence(split(TEKKEN), bytesOnly), true],
    ['gpt-4o', sequence(split(GPT4O), bytesOnly), false],
    ['gpt-4o', sequence(split(GPT4O, 'Removed', true), bytesOnly), false],
    ['deepseek-v3', sequence(...DEEPSEEK3.map((regex) => split(regex)), bytesOnly), false],
  ])('is known as %s by its expressions', (name, preTokenizer, ignoreMerges) => {
    expect(splitterName(parse(preTokenizer, ignoreMerges))).toBe(name);
  });

  it('is the same in other spellings: possessive quantifiers, letter pairs for cases, real line ends', () => {
    const spelled = QWEN2.replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)", "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])")
      .replaceAll('\\r\\n', '\r\n')
      .replace('?\\p{L}+', '?+\\p{L}+')
      .replace('\\p{N}]+[', '\\p{N}]++[');
    expect(spelled).not.toBe(QWEN2);
    expect(splitterName(parse(sequence(split(spelled), bytesOnly)))).toBe('qwen2');
  });

  it('is not changed by composing characters, as with Qwen2', () => {
    expect(splitterName(parse(gpt2, false, { type: 'NFC' }))).toBe('gpt-2');
  });

  it.each([
    ['a changed expression', sequence(split(`${QWEN2}|x`), bytesOnly), false, null],
    ['a part left out', sequence(split(QWEN2.replace('|\\p{N}', '')), bytesOnly), false, null],
    ['matches that are dropped', sequence(split(QWEN2, 'Removed'), bytesOnly), false, null],
    ['matches joined to what is before', sequence(split(QWEN2, 'MergedWithPrevious'), bytesOnly), false, null],
    ['a text for a pattern', sequence({ ...split(QWEN2), pattern: { String: ' ' } }, bytesOnly), false, null],
    ['digits together', sequence({ type: 'Digits', individual_digits: false }, gpt2), false, null],
    ['a space put in front', { ...gpt2, add_prefix_space: true }, false, null],
    ['one step more', sequence(digits, split(QWEN2), bytesOnly), false, null],
    ['no step', null, false, null],
    ['an unknown step', sequence({ type: 'Whitespace' }, gpt2), false, null],
    ['whole words taken first where llama.cpp does not', gpt2, true, null],
    ['text made lower case', gpt2, false, { type: 'Lowercase' }],
  ])('is not known with %s', (_, preTokenizer, ignoreMerges, normalizer) => {
    expect(splitterName(parse(preTokenizer, ignoreMerges, normalizer))).toBeUndefined();
  });

  it('is described in few words', () => {
    expect(describeSplitter(parse(sequence(split('a\n+'), bytesOnly), true))).toBe('Split a\\n+, ByteLevel, ignore_merges');
    expect(describeSplitter(parse(null))).toBe('no rule at all');
    expect(describeSplitter(parse(split('x'.repeat(10_000)))).length).toBeLessThan(120);
  });
});

describe('the table of known tokenizers', () => {
  it('has the text and the hashes of the reference', () => {
    // conversion/base.py: len(chktxt) is 350 characters, 431 bytes.
    expect([...CHECK_TEXT]).toHaveLength(350);
    expect(new TextEncoder().encode(CHECK_TEXT)).toHaveLength(431);
    expect(preTokenizersByHash.size).toBe(89);
    for (const hash of preTokenizersByHash.keys()) expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(preTokenizersByHash.get('3ce83efda5659b07b1ad37ca97ca5797ea4285d9b9ab0dc679e4a720c9da7454')).toBe('gpt-2');
    expect(preTokenizersByHash.get('0ef9807a4087ebef797fc749390439009c3b9eda9ad1a097abbe738f486c01e5')).toBe('llama-bpe');
  });
});
