import type { TextSpan } from './loss-mask.ts';

/** What a token stands for in a text. */
export interface TokenPiece {
  readonly bytes: Uint8Array;
  /** A token that stands for itself, and around which a tokenizer may leave spaces out. */
  readonly isSpecial: boolean;
}

const SPACE = 0x20;
/** `▁`, which SentencePiece writes for a space; a vocabulary may even have it byte by byte. */
const MARK = [0xe2, 0x96, 0x81] as const;

/**
 * Where each token lies in the bytes of its text. Tokenizers keep all bytes, but for two things: SentencePiece puts a space
 * before a text, and some special tokens take the spaces beside them. Null where the tokens are not those of the text.
 * @param marksSpaces whether spaces are `▁` in the pieces (SentencePiece)
 */
export function tokenOffsets(text: Uint8Array, pieces: readonly TokenPiece[], marksSpaces: boolean): TextSpan[] | null {
  const { bytes: written, origins } = marksSpaces ? marked(text) : { bytes: text, origins: null };
  const space: readonly number[] = marksSpaces ? MARK : [SPACE];
  const matches = (piece: ArrayLike<number>, at: number): boolean => {
    if (at + piece.length > written.length) return false;
    for (let i = 0; i < piece.length; i++) if (written[at + i] !== piece[i]) return false;
    return true;
  };
  /** Bytes of the white space at a place; 0: there is none. */
  const spaceAt = (at: number): number => {
    if (matches(space, at)) return space.length;
    const byte = written[at];
    return byte === 0x0a || byte === 0x09 || byte === 0x0d ? 1 : 0;
  };
  const spans: TextSpan[] = [];
  const add = (start: number, end: number): void => {
    // A token that ends within a mark holds a part of the space: it counts as all of it.
    const last = origins === null ? end : (origins[Math.max(0, end - 1)] ?? 0) + 1;
    spans.push(
      start === end
        ? { start: origins?.[start] ?? start, end: origins?.[start] ?? start }
        : { start: origins?.[start] ?? start, end: last },
    );
  };
  let at = 0;
  let followsSpecial = true;
  for (const { bytes, isSpecial } of pieces) {
    let piece = isSpecial && marksSpaces ? marked(bytes).bytes : bytes;
    if (!matches(piece, at)) {
      const startsWithSpace = space.every((byte, index) => piece[index] === byte);
      if (followsSpecial && startsWithSpace && matches(piece.subarray(space.length), at)) piece = piece.subarray(space.length);
      else if (isSpecial || followsSpecial) {
        let next = at;
        for (let width = spaceAt(next); width > 0 && !matches(piece, next); width = spaceAt(next)) next += width;
        if (!matches(piece, next)) return null;
        at = next;
      } else return null;
    }
    add(at, at + piece.length);
    at += piece.length;
    followsSpecial = isSpecial;
  }
  for (let width = spaceAt(at); width > 0; width = spaceAt(at)) at += width;
  return at === written.length ? spans : null;
}

/** A text with its spaces as marks, and for each byte, and the end, the byte of the text that it comes from. */
function marked(text: Uint8Array): { readonly bytes: Uint8Array; readonly origins: readonly number[] } {
  const bytes: number[] = [];
  const origins: number[] = [];
  for (const [index, byte] of text.entries()) {
    const own = byte === SPACE ? MARK : [byte];
    for (const each of own) {
      bytes.push(each);
      origins.push(index);
    }
  }
  return { bytes: Uint8Array.from(bytes), origins: [...origins, text.length] };
}
