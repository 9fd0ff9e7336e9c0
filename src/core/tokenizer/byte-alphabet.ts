/**
 * GPT-2's alphabet: every byte as one printable character, so that a vocabulary of text can hold any bytes. Bytes that
 * print stand for themselves; the 68 others, in their order, are the characters from U+0100 (`bytes_to_unicode`, GPT-2).
 */
const prints = (byte: number): boolean => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;

const FIRST_STAND_IN = 0x100;

/** The character of each byte. */
export const byteAlphabet: readonly string[] = (() => {
  let next = FIRST_STAND_IN;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(prints(byte) ? byte : next++));
})();
