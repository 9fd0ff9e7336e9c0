import type { TokenizerFiles } from '#core/tokenizer/files.ts';
import { readVocabulary } from '#core/tokenizer/read.ts';
import type { GgufVocabulary } from '#core/tokenizer/types.ts';

const BYTE_LEVEL = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
const SPACE_MARK = [
  { type: 'Prepend', prepend: '▁' },
  { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
];

/** A byte-level tokenizer.json of a few tokens; `changes` replace its top fields, `model` those of the model. */
export function byteLevelJson(model: object = {}, changes: object = {}): string {
  return JSON.stringify({
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: BYTE_LEVEL,
    post_processor: null,
    decoder: BYTE_LEVEL,
    ...changes,
    model: { type: 'BPE', vocab: { a: 0, b: 1, ab: 2, Ġ: 3 }, merges: ['a b'], ...model },
  });
}

/** A tokenizer.json like Llama's: text with a mark for spaces, and bytes for what is not in it. */
export function spaceMarkJson(model: object = {}, changes: object = {}): string {
  return JSON.stringify({
    added_tokens: [],
    normalizer: { type: 'Sequence', normalizers: SPACE_MARK },
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    ...changes,
    model: {
      type: 'BPE',
      unk_token: '<unk>',
      byte_fallback: true,
      vocab: { '<unk>': 0, '<s>': 1, '<0x0A>': 2, '▁': 3, a: 4, b: 5, ab: 6, '▁ab': 7 },
      merges: ['a b', '▁ ab'],
      ...model,
    },
  });
}

/** The vocabulary of a Llama folder with these files; a byte-level one gets the name "given". */
export function vocabularyOf(files: TokenizerFiles, config: Record<string, unknown> = {}, architecture = 'llama'): GgufVocabulary {
  return readVocabulary(files, { config, architecture, preTokenizer: () => 'given' });
}

/** Protocol buffer bytes, by the rules of protobuf.dev: a field's number and wire type, then what it holds. */
export const varint = (value: number | bigint): number[] => {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest)];
};
export const message = (field: number, body: readonly number[]): number[] => [...varint(field * 8 + 2), ...varint(body.length), ...body];

export function piece(text: string, score: number, type?: number): number[] {
  const bits = new Uint8Array(Float32Array.of(score).buffer);
  const body = [...message(1, [...new TextEncoder().encode(text)]), 0x15, ...bits, ...(type === undefined ? [] : [0x18, ...varint(type)])];
  return message(1, body);
}

/** `trainer_spec { model_type: BPE }` */
export const BPE_SPEC = [0x12, 2, 0x18, 2];
