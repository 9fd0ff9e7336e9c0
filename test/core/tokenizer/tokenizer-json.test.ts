import { describe, expect, it } from 'vitest';
import { parseTokenizerJson } from '#core/tokenizer/tokenizer-json.ts';
import { errorOf } from '#test/expect-error.ts';
import { byteLevelJson, spaceMarkJson } from './fixtures.ts';

describe('tokenizer.json', () => {
  it('is told apart by its steps: a byte alphabet or a mark for spaces', () => {
    expect(parseTokenizerJson(byteLevelJson()).kind).toBe('byteLevel');
    expect(parseTokenizerJson(byteLevelJson({}, { pre_tokenizer: null })).kind).toBe('byteLevel');
    expect(parseTokenizerJson(spaceMarkJson()).kind).toBe('sentencePiece');
    const metaspace = { normalizer: null, pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first' } };
    expect(parseTokenizerJson(spaceMarkJson({}, metaspace)).kind).toBe('sentencePiece');
  });

  it('is BPE without saying so where it has merges, as files older than the field are', () => {
    expect(parseTokenizerJson(byteLevelJson({ type: undefined })).vocabulary.get(2)).toBe('ab');
  });

  it('gives merges as pairs, from texts or from pairs', () => {
    expect(parseTokenizerJson(byteLevelJson({ merges: ['a b'] })).merges).toEqual([['a', 'b']]);
    expect(parseTokenizerJson(byteLevelJson({ merges: [['a', 'b']] })).merges).toEqual([['a', 'b']]);
  });

  it('lays nested steps flat', () => {
    const nested = {
      type: 'Sequence',
      pretokenizers: [{ type: 'Digits' }, { type: 'Sequence', pretokenizers: [{ type: 'ByteLevel' }, { type: 'Split' }] }],
    };
    const { preTokenizers } = parseTokenizerJson(byteLevelJson({}, { pre_tokenizer: nested }));
    expect(preTokenizers.map(({ type }) => type)).toEqual(['Digits', 'ByteLevel', 'Split']);
  });

  it('may begin with a byte order mark', () => {
    expect(parseTokenizerJson(`\uFEFF${byteLevelJson()}`).vocabulary.size).toBe(4);
  });

  it('takes a token named like a property of every object for a token', () => {
    const json = byteLevelJson().replace('"b":1', '"__proto__":1,"constructor":5,"b":6');
    const { vocabulary } = parseTokenizerJson(json);
    expect([vocabulary.get(1), vocabulary.get(5)]).toEqual(['__proto__', 'constructor']);
  });

  const DEPTH = 100_000;
  const deep = `${'{"type":"Sequence","pretokenizers":['.repeat(DEPTH)}{"type":"ByteLevel"}${']}'.repeat(DEPTH)}`;

  it.each([
    ['text that is no JSON', '{"model": ', 'tokenizer.invalidJson'],
    ['a list', '[]', 'tokenizer.invalidJson'],
    ['no model', '{}', 'tokenizer.invalidField'],
    ['a list for a vocabulary', byteLevelJson({ vocab: ['a'] }), 'tokenizer.invalidField'],
    ['an empty vocabulary', byteLevelJson({ vocab: {}, merges: [] }), 'tokenizer.invalidField'],
    ['a negative id', byteLevelJson({ vocab: { a: -1, b: 1, ab: 2 } }), 'tokenizer.invalidId'],
    ['a fraction for an id', byteLevelJson({ vocab: { a: 0.5, b: 1, ab: 2 } }), 'tokenizer.invalidId'],
    ['a text for an id', byteLevelJson({ vocab: { a: '0', b: 1, ab: 2 } }), 'tokenizer.invalidId'],
    ['an id that would make a vocabulary of 2^31 tokens', byteLevelJson({ vocab: { a: 2 ** 31, b: 1, ab: 2 } }), 'tokenizer.invalidId'],
    ['one id for two tokens', byteLevelJson({ vocab: { a: 0, b: 1, ab: 1 } }), 'tokenizer.duplicateId'],
    ['a merge of an unknown part', byteLevelJson({ merges: ['a c'] }), 'tokenizer.unknownMergePart'],
    ['a merge whose product is no token', byteLevelJson({ merges: ['b a'] }), 'tokenizer.unknownMergePart'],
    ['a merge of three parts', byteLevelJson({ merges: ['a b a'] }), 'tokenizer.invalidField'],
    ['a merge of numbers', byteLevelJson({ merges: [[0, 1]] }), 'tokenizer.invalidField'],
    ['no merges at all', byteLevelJson({ merges: null }), 'tokenizer.invalidField'],
    ['an added token without text', byteLevelJson({}, { added_tokens: [{ id: 4 }] }), 'tokenizer.invalidField'],
    ['an added token with a negative id', byteLevelJson({}, { added_tokens: [{ id: -4, content: 'x' }] }), 'tokenizer.invalidId'],
    ['added tokens that are no list', byteLevelJson({}, { added_tokens: { x: 1 } }), 'tokenizer.invalidField'],
    ['a step that is no object', byteLevelJson({}, { pre_tokenizer: 'ByteLevel' }), 'tokenizer.invalidField'],
    ['steps nested without end', byteLevelJson({}, { pre_tokenizer: 'deep' }).replace('"deep"', deep), 'tokenizer.invalidField'],
    ['a unigram model', byteLevelJson({ type: 'Unigram' }), 'tokenizer.unsupportedModel'],
    ['a WordPiece model', byteLevelJson({ type: 'WordPiece' }), 'tokenizer.unsupportedModel'],
    ['marks at the ends of words', byteLevelJson({ end_of_word_suffix: '</w>' }), 'tokenizer.unsupportedModel'],
    ['neither bytes nor space marks', byteLevelJson({}, { pre_tokenizer: null, decoder: null }), 'tokenizer.unsupportedModel'],
  ])('is refused with %s', async (_, text, code) => {
    expect((await errorOf(() => parseTokenizerJson(text))).code).toBe(code);
  });
});
