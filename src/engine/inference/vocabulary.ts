import { AppError } from '#core/errors/index.ts';
import { ggufNumberArray, ggufString, ggufStringArray, type GgufHeader } from '#core/gguf/header.ts';

/** `tokenizer.ggml.token_type` of tokens that are found in a text as a whole (llama.h, `llama_token_type`). */
const CONTROL = 3;
const USER_DEFINED = 4;

/**
 * What keeps a text away from llama.cpp that its tokenizer cannot take. A character outside a vocabulary without byte
 * tokens makes it throw `std::out_of_range` (llama-vocab.cpp, `byte_to_token`), which ends the process, or is dropped
 * without a word.
 */
export interface VocabularyCheck {
  /**
   * Throws `tokenizer.unsupportedText` with the first character that the vocabulary lacks.
   * `specialTokens`: whether names of control tokens are read as these tokens, as in a rendered chat template.
   */
  (text: string, specialTokens: boolean): void;
}

const encoder = new TextEncoder();

type Vocabulary = Pick<GgufHeader, 'file' | 'metadata'>;

/**
 * Whether every byte has a token, so that any text can be written. Where one has not, a grammar may come to where no token
 * fits, which ends the process (node-llama-cpp 3.21 leaves the rejection of `sampleToken` to nobody).
 */
export function hasEveryByte(header: Vocabulary): boolean {
  const kind = ggufString(header, 'tokenizer.ggml.model');
  if (kind !== 'llama' && kind !== 'gpt2') return false;
  const known = new Set(ggufStringArray(header, 'tokenizer.ggml.tokens') ?? []);
  return Array.from({ length: 256 }, (_, byte) => byte).every(byteCheck(kind, known));
}

/** Whether a byte has a token of its own. */
const byteCheck =
  (kind: 'llama' | 'gpt2', known: ReadonlySet<string>) =>
  (byte: number): boolean =>
    kind === 'llama' ? hasByteToken(known, byte) : known.has(byteLevel(byte));

/** The check for a model, from its GGUF header. Kinds of tokenizer that always find an unknown token are not checked. */
export function vocabularyCheck(header: Vocabulary): VocabularyCheck {
  const kind = ggufString(header, 'tokenizer.ggml.model');
  const tokens = ggufStringArray(header, 'tokenizer.ggml.tokens') ?? [];
  const pass: VocabularyCheck = () => undefined;
  if (kind !== 'llama' && kind !== 'gpt2') return pass;
  const known = new Set(tokens);
  if (hasEveryByte(header)) return pass;
  const hasByte = byteCheck(kind, known);

  const types = ggufNumberArray(header, 'tokenizer.ggml.token_type');
  const whole = (type: number): RegExp | null => {
    const names = tokens.filter((token, id) => token !== '' && types?.[id] === type);
    // The longest first, as llama.cpp takes them.
    names.sort((left, right) => right.length - left.length);
    return names.length === 0 ? null : new RegExp(names.map(RegExp.escape).join('|'), 'gu');
  };
  const userDefined = whole(USER_DEFINED);
  const control = whole(CONTROL);
  const without = (text: string, names: RegExp | null): string => (names === null ? text : text.replace(names, ''));
  const hasCharacter = (character: string): boolean => {
    if (kind === 'llama' && known.has(character === ' ' ? '\u2581' : character)) return true;
    return encoder.encode(character).every(hasByte);
  };
  return (text, specialTokens) => {
    const plain = without(specialTokens ? without(text, control) : text, userDefined).toWellFormed();
    for (const character of new Set(plain))
      if (!hasCharacter(character)) throw new AppError('tokenizer.unsupportedText', { character: visible(character) });
  };
}

/** A byte as a SentencePiece vocabulary writes it, `<0x0A>`, or as a token of its own where it is a character. */
function hasByteToken(known: ReadonlySet<string>, byte: number): boolean {
  const hex = byte.toString(16).toUpperCase().padStart(2, '0');
  return known.has(`<0x${hex}>`) || (byte < 0x80 && known.has(String.fromCharCode(byte)));
}

/**
 * A byte as a byte-level BPE vocabulary writes it: printable Latin-1 characters stand for themselves, the 68 others
 * are the characters from U+0100 on (GPT-2's `bytes_to_unicode`).
 */
function byteLevel(byte: number): string {
  const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  if (printable) return String.fromCharCode(byte);
  const rank = byte <= 0x20 ? byte : byte <= 0xa0 ? byte - 0x7f + 0x21 : 0x43;
  return String.fromCharCode(0x100 + rank);
}

/** The bytes of a piece of a byte-level BPE vocabulary; null where it is not written so. */
export function byteLevelBytes(piece: string): number[] | null {
  const bytes = [...piece].map((character) => BYTE_OF.get(character));
  return bytes.every((byte) => byte !== undefined) ? bytes : null;
}

const BYTE_OF: ReadonlyMap<string, number> = new Map(Array.from({ length: 256 }, (_, byte) => [byteLevel(byte), byte]));

/** A character as a person can read it: control characters and the like by their number. */
function visible(character: string): string {
  const number = `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
  return /[\p{C}\p{Z}\p{M}]/u.test(character) ? number : `${character} (${number})`;
}
