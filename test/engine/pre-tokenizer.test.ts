import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CHECK_TEXT, preTokenizersByHash } from '#core/tokenizer/pre-tokenizers.ts';
import { parseTokenizerJson } from '#core/tokenizer/tokenizer-json.ts';
import type { TokenizerJson } from '#core/tokenizer/tokenizer-json.ts';
import { trainTokenizer } from '#core/tokenizer/train.ts';
import { findPreTokenizer, preTokenizerHash } from '#engine/convert/pre-tokenizer.ts';
import { readTestFile } from '#test/byte-source.ts';
import { errorOf } from '#test/expect-error.ts';
import { byteLevelJson } from '../core/tokenizer/fixtures.ts';

/** A vocabulary that nobody hashed. */
const trained = trainTokenizer(new TextDecoder().decode(readTestFile('../resources/demo/stories.txt')), 600);
const settings = JSON.parse(trained.files.tokenizerConfig) as Record<string, unknown>;

function parse(changes: object = {}): TokenizerJson {
  return parseTokenizerJson(JSON.stringify({ ...(JSON.parse(trained.files.tokenizerJson) as object), ...changes }));
}
const split = (regex: string) => ({
  type: 'Sequence',
  pretokenizers: [
    { type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false },
    { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
  ],
});
const QWEN35 =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

describe('the name of the splitting rule', () => {
  it('is looked up by the hash of the ids, written as Python writes a list', () => {
    // Bytes only: the ids of the text's bytes in the trained vocabulary, which sorts the byte alphabet, after five specials.
    const bytes = trainTokenizer('', 261);
    const printable = (byte: number) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    const order = [...Array(256).keys()].toSorted((a, b) => Number(printable(b)) - Number(printable(a)) || a - b);
    const ids = [0, ...[...new TextEncoder().encode(CHECK_TEXT)].map((byte) => 5 + order.indexOf(byte))];
    const expected = createHash('sha256')
      .update(`[${ids.join(', ')}]`)
      .digest('hex');
    expect(preTokenizerHash(parseTokenizerJson(bytes.files.tokenizerJson), {})).toBe(expected);
  });

  it('is that of the table where the hash is known, whatever the expressions say', () => {
    const json = parse({ pre_tokenizer: split('x|y') });
    const hash = preTokenizerHash(json, settings) ?? '';
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(preTokenizersByHash.has(hash)).toBe(false);
    expect(findPreTokenizer(json, settings, new Map([[hash, 'planted']]))).toBe('planted');
  });

  it('is that of the expressions where the hash is unknown, as with every vocabulary of ones own', () => {
    expect(findPreTokenizer(parse(), settings)).toBe('gpt-2');
  });

  it('is decided by the expressions where the hash cannot: qwen2 and qwen35', () => {
    const json = parse({ pre_tokenizer: split(QWEN35) });
    const hash = preTokenizerHash(json, settings) ?? '';
    expect(findPreTokenizer(json, settings, new Map([[hash, 'qwen2']]))).toBe('qwen35');
    expect(findPreTokenizer(json, settings, new Map([[hash, 'megrez']]))).toBe('megrez');
  });

  it('is never guessed', async () => {
    const error = await errorOf(() => findPreTokenizer(parse({ pre_tokenizer: split('a+|b+') }), settings));
    expect(error).toMatchObject({ code: 'tokenizer.unknownPreTokenizer', params: { splitter: 'Split a+|b+, ByteLevel' } });
    expect(error.detail).toMatch(/hash of the check text: [0-9a-f]{64}/);
  });

  it('comes from the expressions where the library cannot run the tokenizer', () => {
    const json = parseTokenizerJson(byteLevelJson({}, { post_processor: { type: 'NoSuchStep' } }));
    expect(preTokenizerHash(json, {})).toBeUndefined();
    expect(findPreTokenizer(json, {})).toBe('gpt-2');
  });

  it('does not wait for an expression that was made to run for ages', async () => {
    const json = parse({ pre_tokenizer: split('(?:[^ ]+)+[^ ]+(?:[^ ]+)+~~~~~~') });
    const start = performance.now();
    expect(preTokenizerHash(json, settings, 200)).toBeUndefined();
    const elapsedMs = performance.now() - start;
    expect(elapsedMs).toBeGreaterThan(150);
    expect(elapsedMs).toBeLessThan(5000);
  });
});
