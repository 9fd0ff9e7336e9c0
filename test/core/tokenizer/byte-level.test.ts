import { describe, expect, it } from 'vitest';
import { readVocabulary } from '#core/tokenizer/read.ts';
import { errorOf } from '#test/expect-error.ts';
import { byteLevelJson, vocabularyOf } from './fixtures.ts';

const added = (...tokens: object[]) => ({ added_tokens: tokens });

describe('a byte-level vocabulary', () => {
  it('has a row for every row of the embedding, and padding where no token is', () => {
    const tokenizerJson = byteLevelJson({ vocab: { a: 0, b: 2, ab: 5 } });
    const vocabulary = vocabularyOf({ tokenizerJson }, { vocab_size: 8 });
    expect(vocabulary.tokens).toEqual(['a', '[PAD1]', 'b', '[PAD3]', '[PAD4]', 'ab', '[PAD6]', '[PAD7]']);
    expect([...vocabulary.tokenTypes]).toEqual([1, 5, 1, 5, 5, 1, 5, 5]);
    expect([vocabulary.model, vocabulary.pre, vocabulary.scores]).toEqual(['gpt2', 'given', undefined]);
  });

  it('has as many rows as the tokens need where config.json does not say', () => {
    const tokenizerJson = byteLevelJson({}, added({ id: 6, content: '<x>', special: true }));
    expect(vocabularyOf({ tokenizerJson }).tokens).toEqual(['a', 'b', 'ab', 'Ġ', '[PAD4]', '[PAD5]', '<x>']);
    expect(vocabularyOf({ tokenizerJson }, { text_config: { vocab_size: 9 } }).tokens).toHaveLength(9);
  });

  it('marks added tokens: special ones, those that look so, and the others with plain spaces', () => {
    const contents = ['<s>', '<|tool|>', '<｜User｜>', '<unused7>', '<pad>', 'plain', '▁▁x', '<|open'];
    const tokenizerJson = byteLevelJson({}, added(...contents.map((content, at) => ({ id: 4 + at, content, special: at === 0 }))));
    const { tokens, tokenTypes } = vocabularyOf({ tokenizerJson });
    expect(tokens.slice(4)).toEqual(['<s>', '<|tool|>', '<｜User｜>', '<unused7>', '<pad>', 'plain', '  x', '<|open']);
    expect(Array.from(tokenTypes.slice(4))).toEqual([3, 3, 3, 3, 3, 4, 4, 4]);
  });

  it('takes added tokens from all three places, the newest last', () => {
    const vocabulary = vocabularyOf({
      tokenizerJson: byteLevelJson({}, added({ id: 4, content: 'json' }, { id: 5, content: 'both' })),
      addedTokens: JSON.stringify({ old: 6, over: 7 }),
      tokenizerConfig: JSON.stringify({
        added_tokens_decoder: { 5: { content: 'config', special: true }, 7: { content: 'over', special: false } },
        additional_special_tokens: ['old', { content: 'over' }],
      }),
    });
    expect(vocabulary.tokens.slice(4)).toEqual(['json', 'config', 'old', 'over']);
    expect(Array.from(vocabulary.tokenTypes.slice(4))).toEqual([4, 3, 3, 3]);
  });

  it('says by an added token what a token is that the vocabulary has under another id', () => {
    const { tokens, tokenTypes } = vocabularyOf({ tokenizerJson: byteLevelJson({}, added({ id: 4, content: 'ab', special: true })) });
    expect(tokens).toEqual(['a', 'b', 'ab', 'Ġ']);
    expect([...tokenTypes]).toEqual([1, 1, 3, 1]);
  });

  it('has every text once, none empty and none with a zero byte: each would stop or mislead llama.cpp', () => {
    const vocab = { a: 0, b: 1, ab: 2, '[PAD3]': 4, '': 5, 'x\0y': 6, '[UNUSED5]': 7, '\ud800': 8, '\ufffd': 9 };
    const { tokens, tokenTypes } = vocabularyOf({ tokenizerJson: byteLevelJson({ vocab }) });
    expect(tokens).toEqual(['a', 'b', 'ab', '[UNUSED3]', '[PAD3]', '[UNUSED5]', '[UNUSED6]', '[UNUSED7]', '\ufffd', '[UNUSED9]']);
    expect([...tokenTypes]).toEqual([1, 1, 1, 5, 1, 5, 5, 5, 1, 5]);
    expect(new Set(tokens).size).toBe(tokens.length);
  });

  it('keeps merges in order, and writes a space inside a part as the byte alphabet does', () => {
    const vocab = { a: 0, b: 1, ab: 2, ' a': 3, ' ab': 4, ' ': 5 };
    const merges = [
      ['a', 'b'],
      [' ', 'a'],
      [' a', 'b'],
    ];
    expect(vocabularyOf({ tokenizerJson: byteLevelJson({ vocab, merges }) }).merges).toEqual(['a b', 'Ġ a', 'Ġa b']);
  });

  it('refuses a token that the model has no row for', async () => {
    expect(await errorOf(() => vocabularyOf({ tokenizerJson: byteLevelJson() }, { vocab_size: 3 }))).toMatchObject({
      code: 'tokenizer.idOutOfRange',
      params: { token: 'Ġ', id: 3, rows: 3 },
    });
    const tokenizerJson = byteLevelJson({}, added({ id: 4, content: '<x>' }));
    expect((await errorOf(() => vocabularyOf({ tokenizerJson }, { vocab_size: 4 }))).code).toBe('tokenizer.idOutOfRange');
  });

  it('refuses a vocabulary that config.json makes too large, before it is made', async () => {
    const error = await errorOf(() => vocabularyOf({ tokenizerJson: byteLevelJson() }, { vocab_size: 2 ** 31 - 1 }));
    expect(error.code).toBe('tokenizer.tooManyTokens');
    expect((await errorOf(() => vocabularyOf({ tokenizerJson: byteLevelJson() }, { vocab_size: 'many' }))).code).toBe('model.badConfig');
  });

  it.each([
    ['addedTokens', JSON.stringify({ x: 1.5 }), 'tokenizer.invalidId'],
    ['addedTokens', '[]', 'tokenizer.invalidJson'],
    ['tokenizerConfig', JSON.stringify({ added_tokens_decoder: { one: { content: 'x' } } }), 'tokenizer.invalidId'],
    ['tokenizerConfig', JSON.stringify({ added_tokens_decoder: { '-1': { content: 'x' } } }), 'tokenizer.invalidId'],
    ['tokenizerConfig', JSON.stringify({ added_tokens_decoder: { 1: {} } }), 'tokenizer.invalidField'],
    ['tokenizerConfig', JSON.stringify({ added_tokens_decoder: 7 }), 'tokenizer.invalidField'],
    ['tokenizerConfig', 'none', 'tokenizer.invalidJson'],
    ['specialTokensMap', '"x"', 'tokenizer.invalidJson'],
    ['chatTemplateJson', '{', 'tokenizer.invalidJson'],
  ])('is refused where %s holds %s', async (file, text, code) => {
    expect((await errorOf(() => vocabularyOf({ tokenizerJson: byteLevelJson(), [file]: text }))).code).toBe(code);
  });

  const template = {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: 'ab', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  };

  it.each([
    ['false where it adds none but llama.cpp would', 'llama-bpe', {}, null, { bos: false }],
    ["left to llama.cpp with Llama's class, which adds it", 'llama-bpe', { tokenizer_class: 'LlamaTokenizerFast' }, null, {}],
    ['true where the template has it', 'llama-bpe', { bos_token: 'ab' }, template, { bos: true }],
    ['left to llama.cpp where it adds none either', 'qwen2', {}, null, {}],
  ])('tells of the mark of the beginning: %s', (_, pre, settings, postProcessor, expected) => {
    const files = { tokenizerJson: byteLevelJson({}, { post_processor: postProcessor }), tokenizerConfig: JSON.stringify(settings) };
    const { add } = readVocabulary(files, { config: {}, architecture: 'llama', preTokenizer: () => pre });
    expect(add).toEqual(expected);
  });

  it('is refused where there is no tokenizer', async () => {
    expect((await errorOf(() => vocabularyOf({ tokenizerConfig: '{}' }))).code).toBe('tokenizer.missing');
  });

  it('is preferred to a tokenizer.model beside it, which is then in another format', () => {
    const tokenizerModel = new TextEncoder().encode('IQ== 0\nIg== 1\n');
    expect(vocabularyOf({ tokenizerJson: byteLevelJson(), tokenizerModel }).model).toBe('gpt2');
  });
});
