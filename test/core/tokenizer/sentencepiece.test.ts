import { describe, expect, it } from 'vitest';
import { AppError } from '#core/errors/index.ts';
import { parseSentencePieceModel } from '#core/tokenizer/sentencepiece-model.ts';
import { readTestFile, seededRandom } from '#test/byte-source.ts';
import { errorOf } from '#test/expect-error.ts';
import { mutate } from '#test/mutate.ts';
import { BPE_SPEC, message, piece, spaceMarkJson, varint, vocabularyOf } from './fixtures.ts';

const bytes = (...parts: readonly (readonly number[])[]): Uint8Array => Uint8Array.from(parts.flat());
const golden = JSON.parse(new TextDecoder().decode(readTestFile('golden/tokenizer/sentencepiece.json'))) as {
  tokens: string[];
  scores: number[];
  types: number[];
};

/** `<unk>` unknown, `<s>` control, `<0x41>` byte, `▁a` normal at -1.5, by hand. */
const small = bytes(
  [0x0a, 14, 0x0a, 5, 0x3c, 0x75, 0x6e, 0x6b, 0x3e, 0x15, 0, 0, 0, 0, 0x18, 2],
  [0x0a, 7, 0x0a, 3, 0x3c, 0x73, 0x3e, 0x18, 3],
  [0x0a, 10, 0x0a, 6, 0x3c, 0x30, 0x78, 0x34, 0x31, 0x3e, 0x18, 6],
  [0x0a, 11, 0x0a, 4, 0xe2, 0x96, 0x81, 0x61, 0x15, 0, 0, 0xc0, 0xbf],
  BPE_SPEC,
  [0x1a, 2, 0x18, 0],
);

describe('a SentencePiece model', () => {
  it('is read from its bytes: text, score, type, and whether a space is put in front', () => {
    expect(parseSentencePieceModel(small)).toEqual({
      pieces: [
        { text: '<unk>', score: 0, type: 2 },
        { text: '<s>', score: 0, type: 3 },
        { text: '<0x41>', score: 0, type: 6 },
        { text: '▁a', score: -1.5, type: 1 },
      ],
      addDummyPrefix: false,
    });
  });

  it('passes over fields that it does not know, of every wire type', () => {
    const unknown = [
      ...varint(900 * 8),
      1,
      ...varint(901 * 8 + 1),
      ...Array(8).fill(7),
      ...varint(902 * 8 + 5),
      1,
      2,
      3,
      4,
      ...message(903, [9]),
    ];
    expect(parseSentencePieceModel(bytes(unknown, [...small])).pieces).toHaveLength(4);
  });

  it('puts a space in front where it does not say', () => {
    expect(parseSentencePieceModel(bytes(piece('a', 0), BPE_SPEC)).addDummyPrefix).toBe(true);
  });

  it('becomes the vocabulary that the gguf package reads from it', () => {
    const vocabulary = vocabularyOf({ tokenizerModel: readTestFile('golden/tokenizer/stories.model') });
    expect(vocabulary.tokens).toEqual(golden.tokens);
    expect([...(vocabulary.scores ?? [])]).toEqual(golden.scores);
    // The package does not tell user-defined pieces from normal ones; SentencePiece takes them whole before it merges.
    const userDefined = golden.tokens.indexOf('<note>');
    expect(vocabulary.tokenTypes[userDefined]).toBe(4);
    expect(Array.from(vocabulary.tokenTypes.with(userDefined, 1))).toEqual(golden.types);
    expect(vocabulary.add).toEqual({ spacePrefix: true });
    expect([vocabulary.model, vocabulary.pre, vocabulary.merges]).toEqual(['llama', 'default', undefined]);
  });

  it('is filled up with padding, and overridden by tokens added later', () => {
    const tokenizerConfig = JSON.stringify({
      bos_token: '<s>',
      added_tokens_decoder: {
        1: { content: '<s>', special: true },
        4: { content: '▁note', special: false },
        5: { content: '<|x|>', special: false },
      },
    });
    const addedTokens = JSON.stringify({ '<extra>': 6 });
    const vocabulary = vocabularyOf({ tokenizerModel: small, tokenizerConfig, addedTokens }, { vocab_size: 8 });
    expect(vocabulary.tokens).toEqual(['<unk>', '<s>', '<0x41>', '▁a', ' note', '<|x|>', '<extra>', '[PAD7]']);
    expect([...vocabulary.tokenTypes]).toEqual([2, 3, 6, 1, 4, 3, 4, 5]);
    expect([...(vocabulary.scores ?? [])]).toEqual([0, -1000, 0, -1.5, -1000, -1000, -1000, -10000]);
    expect(vocabulary.specialIds).toEqual({ bos: 1 });
  });

  it('leaves out an added token that the model has no row for, as gemma3 has one, but not a piece', async () => {
    const addedTokens = JSON.stringify({ '<image>': 4 });
    expect(vocabularyOf({ tokenizerModel: small, addedTokens }, { vocab_size: 4 }, 'gemma3').tokens).toHaveLength(4);
    expect((await errorOf(() => vocabularyOf({ tokenizerModel: small }, { vocab_size: 3 }))).code).toBe('tokenizer.idOutOfRange');
  });

  it.each([
    ['gemma never', 'gemma2', { add_prefix_space: true }, false],
    ['as tokenizer_config.json says', 'llama', { add_prefix_space: true }, true],
    ['else as the model itself says', 'llama', {}, false],
  ])('puts a space in front %s', (_, architecture, settings, expected) => {
    const vocabulary = vocabularyOf({ tokenizerModel: small, tokenizerConfig: JSON.stringify(settings) }, {}, architecture);
    expect(vocabulary.add.spacePrefix).toBe(expected);
  });

  it('is preferred to a tokenizer.json beside it that has merges in place of scores', () => {
    const vocabulary = vocabularyOf({ tokenizerModel: small, tokenizerJson: spaceMarkJson() }, { vocab_size: 8 });
    expect([vocabulary.tokens[3], vocabulary.scores?.[3]]).toEqual(['▁a', -1.5]);
    expect(vocabulary.add.spacePrefix).toBe(true);
  });

  it.each([
    ['is empty', [], 0],
    ['ends in the length of a piece', [0x0a], 1],
    ['ends inside a piece', [0x0a, 5, 0x0a, 3, 0x61], 2],
    ['claims a piece of 2^63 bytes', [0x0a, ...varint(2n ** 63n)], 11],
    ['has a number of eleven bytes', [0x0a, ...Array(11).fill(0x80), 1], 11],
    ['has a field without a number', [0x02, 0], 1],
    ['has a group', [0x0b, 0x0c], 1],
    ['has a wire type that does not exist', [0x0e, 0], 1],
    ['has a piece that claims more than its own length', message(1, [0x0a, 9, 0x61]), 4],
    ['has a piece without text', message(1, [0x18, 1]), 2],
    ['has a piece that is not UTF-8', message(1, message(1, [0xff])), 4],
    ['has a piece of a type that does not exist', piece('a', 0, 7), 2],
    ['has a score that is no number', piece('a', Number.NaN), 2],
    ['is a text, which happens to be fields but no pieces', [...new TextEncoder().encode('IQ== 0\nIg== 1\n')], 0],
  ])('is refused where it %s', async (_, content, position) => {
    expect(await errorOf(() => parseSentencePieceModel(bytes(content)))).toMatchObject({
      code: 'tokenizer.invalidModel',
      params: { file: 'tokenizer.model', position },
    });
  });

  it.each([
    ['Unigram', [0x12, 2, 0x18, 1]],
    ['Unigram', []],
    ['Word', [0x12, 2, 0x18, 3]],
    ['99', [0x12, 2, 0x18, 99]],
    ['space mark behind words', [...message(2, [0x18, 2, 0xc0, 0x01, 1])]],
  ])('is refused where it would be read wrongly: %s %j', async (kind, spec) => {
    const error = await errorOf(() => parseSentencePieceModel(bytes(piece('a', 0), spec)));
    expect(error).toMatchObject({ code: 'tokenizer.unsupportedModel', params: { kind: expect.stringContaining(kind) } });
  });

  it('gives a vocabulary or a coded error for every damaged file', () => {
    const random = seededRandom(1);
    const original = readTestFile('golden/tokenizer/stories.model');
    const endings = new Map<string, number>();
    for (let round = 0; round < 1500; round += 1) {
      let ending = 'read';
      try {
        const { tokens } = vocabularyOf({ tokenizerModel: mutate(original, random, ['<s>', '\0']) });
        expect(new Set(tokens).size).toBe(tokens.length);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        ending = error.code;
      }
      endings.set(ending, (endings.get(ending) ?? 0) + 1);
    }
    expect(endings.get('read')).toBeGreaterThan(50);
    expect(endings.get('tokenizer.invalidModel')).toBeGreaterThan(50);
  });
});
