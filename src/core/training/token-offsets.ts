import type { TextSpan } from './loss-mask.ts';

/** What a token stands for in a text. */
export interface TokenPiece {
  readonly bytes: Uint8Array;
  /** A token that stands for itself, and around which a tokenizer may leave spaces out. */
  readonly isSpecial: boolean;
}

const SPACE = 0x20;
const isSpace = (byte: number | undefined): boolean => byte === SPACE || byte === 0x0a || byte === 0x09 || byte === 0x0d;

/**
 * Where each token lies in the bytes of its text. Tokenizers keep all bytes, but for two things: SentencePiece puts a space
 * before a text, and some special tokens take the spaces beside them. Null where the tokens are not those of the text.
 */
export function tokenOffsets(text: Uint8Array, pieces: readonly TokenPiece[]): TextSpan[] | null {
  const matches = (piece: Uint8Array, at: number): boolean => {
    if (at + piece.length > text.length) return false;
    for (let i = 0; i < piece.length; i++) if (text[at + i] !== piece[i]) return false;
    return true;
  };
  const spans: TextSpan[] = [];
  let at = 0;
  let followsSpecial = true;
  for (const { bytes, isSpecial } of pieces) {
    let piece = bytes;
    if (!matches(piece, at)) {
      const withoutSpace = followsSpecial && piece[0] === SPACE && matches(piece.subarray(1), at);
      if (withoutSpace) piece = piece.subarray(1);
      else if (isSpecial || followsSpecial) {
        let next = at;
        while (next < text.length && isSpace(text[next]) && !matches(piece, next)) next++;
        if (!matches(piece, next)) return null;
        at = next;
      } else return null;
    }
    spans.push({ start: at, end: at + piece.length });
    at += piece.length;
    followsSpecial = isSpecial;
  }
  while (at < text.length && isSpace(text[at])) at++;
  return at === text.length ? spans : null;
}
