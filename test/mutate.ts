/** Values that have broken readers of binary headers: zero, ones, signs, and just past each size. */
const EDGES = [
  0n,
  1n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 32n,
  2n ** 64n - 1n,
];

/**
 * A copy with one to three pieces of damage: a flipped bit, a changed byte, a number set to an edge, a piece cut out,
 * doubled or moved, a token put in, the end cut off. Only the first bytes of a long file are hit, where its header is.
 */
export function mutate(original: Uint8Array, random: () => number, tokens: readonly string[]): Uint8Array {
  const below = (limit: number): number => Math.floor(random() * limit);
  let bytes = new Uint8Array(original);
  for (let damage = 1 + below(3); damage > 0; damage -= 1) {
    const header = Math.min(bytes.byteLength, 4096);
    const at = below(header);
    const length = below(Math.min(32, header - at));
    const kind = below(8);
    if (kind === 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
    else if (kind === 1) bytes[at] = below(256);
    else if (kind === 2 && at + 8 <= bytes.byteLength) setNumber(bytes, at, 8, EDGES[below(EDGES.length)] ?? 0n);
    else if (kind === 3 && at + 4 <= bytes.byteLength) setNumber(bytes, at, 4, EDGES[below(EDGES.length)] ?? 0n);
    else if (kind === 4) bytes = concat(bytes.subarray(0, at), bytes.subarray(at + length));
    else if (kind === 5) bytes = concat(bytes.subarray(0, at + length), bytes.subarray(at));
    else if (kind === 6) {
      const token = new TextEncoder().encode(tokens[below(tokens.length)] ?? '');
      bytes = concat(bytes.subarray(0, at), token, bytes.subarray(at + below(2) * token.byteLength));
    } else bytes = bytes.slice(0, bytes.byteLength - below(Math.min(64, bytes.byteLength)));
  }
  return bytes;
}

function setNumber(bytes: Uint8Array, at: number, size: 4 | 8, value: bigint): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (size === 8) view.setBigUint64(at, value, true);
  else view.setUint32(at, Number(value % 2n ** 32n), true);
}

function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}
