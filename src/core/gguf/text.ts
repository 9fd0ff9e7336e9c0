const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** U+DC80 to U+DCFF, alone, stand for the bytes 0x80 to 0xFF (Python's "surrogateescape", PEP 383). */
const ESCAPE = 0xdc00;

/** `String.fromCharCode` takes its characters as arguments, which lie on the stack. */
const CHUNK = 8192;

/**
 * GGUF strings should be UTF-8, but no reader in C checks, and a token may be any bytes. What is not UTF-8 becomes lone
 * surrogates, one per byte, so that copying the metadata of a file loses nothing: `encodeText` gives the same bytes back.
 */
export function decodeText(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return decodeEscaping(bytes);
  }
}

export function encodeText(text: string): Uint8Array {
  if (text.isWellFormed()) return encoder.encode(text);
  const parts: Uint8Array[] = [];
  for (const character of text) {
    const code = character.charCodeAt(0);
    const escaped = character.length === 1 && code >= ESCAPE + 0x80 && code <= ESCAPE + 0xff;
    parts.push(escaped ? Uint8Array.of(code - ESCAPE) : encoder.encode(character));
  }
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}

function decodeEscaping(bytes: Uint8Array): string {
  // Every byte becomes at most one UTF-16 unit.
  const units = new Uint16Array(bytes.byteLength);
  let count = 0;
  for (let at = 0; at < bytes.byteLength;) {
    const length = sequenceLength(bytes, at);
    if (length === 0) {
      units[count++] = ESCAPE + (bytes[at] ?? 0);
      at += 1;
    } else {
      const character = strict.decode(bytes.subarray(at, at + length));
      for (let unit = 0; unit < character.length; unit += 1) units[count++] = character.charCodeAt(unit);
      at += length;
    }
  }
  const chunks: string[] = [];
  for (let at = 0; at < count; at += CHUNK) chunks.push(String.fromCharCode(...units.subarray(at, Math.min(at + CHUNK, count))));
  return chunks.join('');
}

/** Bytes of the UTF-8 character that begins here, 0 where none does (Unicode 16, table 3-7). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length = first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  if (length === 0 || at + length > bytes.byteLength) return 0;
  const second = bytes[at + 1] ?? 0;
  const lowest = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const highest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < lowest || second > highest) return 0;
  for (let index = 2; index < length; index += 1) if (((bytes[at + index] ?? 0) & 0xc0) !== 0x80) return 0;
  return length;
}
