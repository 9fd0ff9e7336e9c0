import { AppError } from '#core/errors/index.ts';
import { vocabularyMetadata } from '#core/tokenizer/metadata.ts';
import { readVocabulary } from '#core/tokenizer/read.ts';
import { describeSplitter, splitterName } from '#core/tokenizer/splitters.ts';
import type { TokenizerFiles } from '#core/tokenizer/files.ts';
import { preTokenizerHash } from '#engine/convert/pre-tokenizer.ts';
import { byteLevelJson, message, piece, spaceMarkJson } from '#test/core/tokenizer/fixtures.ts';
import { damagedText, decode, encode, jsonFile } from '../json.ts';
import { strangeText, type Random } from '../random.ts';
import { promise, type Target } from '../target.ts';

/** A step of text processing; now and then one that makes texts grow, or expressions that try for ages. */
function step(random: Random): unknown {
  const kind = random.below(8);
  if (kind === 0) return { type: 'Replace', pattern: { String: 'a' }, content: 'aa' };
  if (kind === 1)
    return { type: 'Replace', pattern: { Regex: random.pick(['(a+)+$', 'a|b', '(', '\\p{L}+']) }, content: strangeText(random) };
  if (kind === 2)
    return {
      type: 'Split',
      pattern: { Regex: random.pick(['(\\s+)+$', '\\p{N}{1,3}', '[', '(?i:x)']) },
      behavior: 'Isolated',
      invert: false,
    };
  if (kind === 3) return { type: 'Prepend', prepend: random.pick(['▁', 'aaaa', strangeText(random)]) };
  if (kind === 4) return { type: 'Sequence', normalizers: random.many(random.below(4), () => step(random)), pretokenizers: [] };
  return { type: random.pick(['NFC', 'NFD', 'NFKC', 'Lowercase', 'ByteLevel', 'Metaspace', 'Digits', 'Unknown']) };
}

function tokenizerJson(random: Random): unknown {
  const made = JSON.parse(random.chance(0.5) ? byteLevelJson() : spaceMarkJson()) as Record<string, unknown>;
  const doubling = { type: 'Replace', pattern: { String: 'a' }, content: 'aa' };
  const steps = random.chance(0.05) ? random.many(40, () => doubling) : random.many(random.pick([1, 2, 40]), () => step(random));
  if (random.chance(0.2)) made['normalizer'] = { type: 'Sequence', normalizers: steps };
  if (random.chance(0.2))
    made['pre_tokenizer'] = { type: 'Sequence', pretokenizers: [...steps, { type: 'ByteLevel', add_prefix_space: false }] };
  if (random.chance(0.4))
    made['added_tokens'] = random.many(random.below(4), (index) => ({
      id: 3 + index,
      content: strangeText(random),
      special: random.chance(0.5),
    }));
  if (random.chance(0.3))
    made['post_processor'] = {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [],
      special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
    };
  return made;
}

const settings = (random: Random): unknown => ({
  bos_token: random.pick(['<s>', { content: '<s>' }, null, strangeText(random)]),
  eos_token: '</s>',
  add_bos_token: random.pick([true, false, null]),
  tokenizer_class: random.pick(['LlamaTokenizer', 'Qwen2Tokenizer', strangeText(random)]),
  chat_template: random.pick([
    '{{ messages }}',
    [
      { name: 'default', template: 'x' },
      { name: strangeText(random), template: 'y' },
    ],
  ]),
  added_tokens_decoder: { '4': { content: '<|x|>', special: true }, [strangeText(random)]: { content: 'y' } },
});

function check(files: TokenizerFiles, vocabSize: number): string {
  const { tokens, tokenTypes, specialIds, ...vocabulary } = readVocabulary(files, {
    config: { vocab_size: vocabSize },
    architecture: 'llama',
    preTokenizer: (json, given) => {
      // The engine's own limit is longer than the one here.
      preTokenizerHash(json, given, 300);
      const name = splitterName(json);
      if (name === undefined) throw new AppError('tokenizer.unknownPreTokenizer', { splitter: describeSplitter(json) });
      return name;
    },
  });
  promise(tokens.length === tokenTypes.length && new Set(tokens).size === tokens.length, 'tokens have no types, or are there twice');
  for (const id of Object.values(specialIds))
    promise(id === undefined || (id >= 0 && id < tokens.length), 'a special token is none of the vocabulary');
  vocabularyMetadata({ tokens, tokenTypes, specialIds, ...vocabulary });
  return 'read';
}

export const tokenizerFile: Target = {
  name: 'tokenizer-json',
  codes: /^(tokenizer|model|convert)\./,
  cost: 4,
  make: (random) => [jsonFile(random, tokenizerJson(random)), random.chance(0.5) ? encode('{}') : jsonFile(random, settings(random))],
  run: ([json, config]) => check({ tokenizerJson: decode(json), tokenizerConfig: decode(config) }, 8),
};

export const sentencePiece: Target = {
  name: 'sentencepiece',
  codes: /^(tokenizer|model|convert)\./,
  make: (random) => {
    const pieces = random.many(1 + random.below(12), (index) =>
      piece(
        random.pick([`t${index}`, `t${index}`, '<unk>', '<0x0A>', '▁', strangeText(random)]),
        -index,
        random.pick([undefined, 1, 2, 3, 6]),
      ),
    );
    const trainer = message(2, [0x18, random.pick([1, 2, 2, 3, 4])]);
    const bytes = new Uint8Array([...pieces.flat(), ...trainer]);
    return [
      random.chance(0.2) ? bytes : damagedText(random, bytes, ['\n', '\x12', '\x80\x80', '\xff']),
      random.chance(0.6) ? encode('{}') : jsonFile(random, settings(random)),
    ];
  },
  run: ([model = new Uint8Array(), config]) => check({ tokenizerModel: model, tokenizerConfig: decode(config) }, 12),
};
