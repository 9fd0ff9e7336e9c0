import { describe, expect, it } from 'vitest';
import { readTestFile } from '#test/byte-source.ts';
import { errorOf } from '#test/expect-error.ts';
import { spaceMarkJson, vocabularyOf } from './fixtures.ts';

const special = (id: number, content: string) => ({ id, content, special: true });

describe('a SentencePiece-like tokenizer.json', () => {
  it('becomes scores that fall with the rank of the merge, and types', () => {
    const tokenizerJson = spaceMarkJson({}, { added_tokens: [special(0, '<unk>'), special(1, '<s>'), { id: 8, content: '▁x' }] });
    const vocabulary = vocabularyOf({ tokenizerJson });
    expect(vocabulary.tokens).toEqual(['<unk>', '<s>', '<0x0A>', '▁', 'a', 'b', 'ab', '▁ab', ' x']);
    expect([...vocabulary.tokenTypes]).toEqual([2, 3, 6, 1, 1, 1, 1, 1, 4]);
    expect([...(vocabulary.scores ?? [])]).toEqual([0, 0, 0, 0, 0, 0, -1, -2, 0]);
    expect([vocabulary.model, vocabulary.pre, vocabulary.merges]).toEqual(['llama', 'default', undefined]);
  });

  it('counts the first of several merges that make the same token, and puts a token that none makes last', () => {
    const vocab = { a: 0, b: 1, c: 2, ab: 3, bc: 4, abc: 5, '🦊': 6, lone: 7 };
    const { scores } = vocabularyOf({ tokenizerJson: spaceMarkJson({ vocab, merges: ['b c', 'a b', 'a bc', 'ab c'] }) });
    expect([...(scores ?? [])]).toEqual([0, 0, 0, -2, -1, -3, 0, -5]);
  });

  it('merges in the order of the SentencePiece model that transformers made it from', () => {
    const json = vocabularyOf({ tokenizerJson: new TextDecoder().decode(readTestFile('golden/tokenizer/sentencepiece-tokenizer.json')) });
    const model = vocabularyOf({ tokenizerModel: readTestFile('golden/tokenizer/stories.model') });
    expect(json.tokens).toEqual(model.tokens);
    const merged = model.tokens.flatMap((token, id) => (model.tokenTypes[id] === 1 && [...token].length > 1 ? [id] : []));
    expect(merged.length).toBeGreaterThan(200);
    const byScore = (scores: Float32Array | undefined) => merged.toSorted((a, b) => (scores?.[b] ?? 0) - (scores?.[a] ?? 0));
    expect(byScore(json.scores)).toEqual(byScore(model.scores));
  });

  const metaspace = (step: object) => ({ normalizer: null, pre_tokenizer: { type: 'Metaspace', replacement: '▁', ...step } });
  const replaceOnly = { normalizer: { type: 'Replace', pattern: { String: ' ' }, content: '▁' } };

  it.each([
    [true, 'llama', 'it prepends one', {}, {}],
    [false, 'llama', 'it only replaces spaces', replaceOnly, {}],
    [true, 'llama', 'Metaspace does so by default', metaspace({}), {}],
    [true, 'llama', 'Metaspace does so at the start', metaspace({ prepend_scheme: 'first' }), {}],
    [false, 'llama', 'Metaspace never does', metaspace({ prepend_scheme: 'never' }), {}],
    [false, 'llama', 'an older Metaspace does not', metaspace({ add_prefix_space: false }), {}],
    [false, 'llama', 'the settings say no', {}, { add_prefix_space: false }],
    [false, 'gemma3', 'the model is a gemma', {}, {}],
  ])('puts a space in front: %s for %s where %s', (expected, architecture, _, changes, settings) => {
    const files = { tokenizerJson: spaceMarkJson({}, changes), tokenizerConfig: JSON.stringify(settings) };
    expect(vocabularyOf(files, {}, architecture).add.spacePrefix).toBe(expected);
  });

  it('leaves out an added token that the model has no row for', () => {
    const tokenizerJson = spaceMarkJson({}, { added_tokens: [special(8, '<image>')] });
    expect(vocabularyOf({ tokenizerJson }, { vocab_size: 8 }).tokens).toHaveLength(8);
    expect(vocabularyOf({ tokenizerJson }).tokens).toHaveLength(9);
  });

  it('is refused where it changes the text in a way that llama.cpp does not', async () => {
    const normalizers = [{ type: 'Lowercase' }, { type: 'Replace', pattern: { String: ' ' }, content: '▁' }];
    const tokenizerJson = spaceMarkJson({}, { normalizer: { type: 'Sequence', normalizers } });
    expect(await errorOf(() => vocabularyOf({ tokenizerJson }))).toMatchObject({
      code: 'tokenizer.unsupportedNormalizer',
      params: { normalizer: 'Lowercase' },
    });
  });
});
