import { byteAlphabet } from './byte-alphabet.ts';
import type { TokenizerFiles } from './files.ts';
import { learnMerges } from './learn-merges.ts';

/** The tokens with a part to play; each one's id is its place here. */
const SPECIALS = { bos: '<|bos|>', eos: '<|eos|>', pad: '<|pad|>', turnStart: '<|im_start|>', turnEnd: '<|im_end|>' } as const;
export type TrainedSpecial = keyof typeof SPECIALS;
const specialNames = Object.keys(SPECIALS) as TrainedSpecial[];

/** ChatML: every turn between two marks, with its role on the first line. */
const CHAT_TEMPLATE =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** GPT-2's rule for words, as the ByteLevel step of tokenizer.json applies it. */
const WORDS =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** Specials and one token for every byte: below this no text could be written. */
export const MIN_TRAINED_VOCABULARY = specialNames.length + byteAlphabet.length;

/** A pair seen once would make a token of no use. */
const MINIMUM_COUNT = 2;

export interface TrainedTokenizer {
  /** Texts for tokenizer.json and tokenizer_config.json. */
  readonly files: Required<Pick<TokenizerFiles, 'tokenizerJson' | 'tokenizerConfig'>>;
  readonly specialIds: Readonly<Record<TrainedSpecial, number>>;
  /** At most what was asked for: a short text has fewer pairs to learn. */
  readonly vocabularySize: number;
}

function countWords(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [word] of text.matchAll(WORDS)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

/**
 * Learns a byte-level BPE vocabulary from a text. Every text can be written with it, and the same text always gives the
 * same files. llama.cpp's name of its splitting rule is "gpt-2".
 * @param vocabularySize tokens in all, from `MIN_TRAINED_VOCABULARY`
 */
export function trainTokenizer(text: string, vocabularySize: number): TrainedTokenizer {
  if (!Number.isInteger(vocabularySize) || vocabularySize < MIN_TRAINED_VOCABULARY)
    throw new RangeError(`a vocabulary needs at least ${MIN_TRAINED_VOCABULARY} tokens, not ${vocabularySize}`);
  const specials = Object.values(SPECIALS);
  const tokens: string[] = [...specials, ...byteAlphabet.toSorted()];
  const idOf = new Map(tokens.map((token, id) => [token, id]));
  const idOfByte = byteAlphabet.map((character) => idOf.get(character) ?? 0);
  const encoder = new TextEncoder();
  const words = Array.from(countWords(text), ([word, count]) => ({
    ids: Array.from(encoder.encode(word), (byte) => idOfByte[byte] ?? 0),
    count,
  }));
  const merges = learnMerges(tokens, words, vocabularySize, MINIMUM_COUNT);

  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  const bos = { SpecialToken: { id: SPECIALS.bos, type_id: 0 } };
  const sequence = (id: string, typeId: number) => ({ Sequence: { id, type_id: typeId } });
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const tokenizerJson = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specials.map((content, id) => ({ id, content, ...flags })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: {
      type: 'TemplateProcessing',
      single: [bos, sequence('A', 0)],
      pair: [bos, sequence('A', 0), sequence('B', 1)],
      special_tokens: { [SPECIALS.bos]: { id: SPECIALS.bos, ids: [idOf.get(SPECIALS.bos)], tokens: [SPECIALS.bos] } },
    },
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: merges.map(({ left, right }) => [tokens[left], tokens[right]]),
    },
  };
  const tokenizerConfig = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: SPECIALS.bos,
    eos_token: SPECIALS.eos,
    pad_token: SPECIALS.pad,
    add_bos_token: true,
    add_eos_token: false,
    clean_up_tokenization_spaces: false,
    chat_template: CHAT_TEMPLATE,
  };
  return {
    files: { tokenizerJson: JSON.stringify(tokenizerJson, null, 1), tokenizerConfig: JSON.stringify(tokenizerConfig, null, 2) },
    specialIds: Object.fromEntries(specialNames.map((name, id) => [name, id])) as Record<TrainedSpecial, number>,
    vocabularySize: tokens.length,
  };
}
