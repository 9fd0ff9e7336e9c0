import { mutate } from '#test/mutate.ts';
import { strangeNumber, strangeText, type Random } from './random.ts';

const encoder = new TextEncoder();
export const encode = (text: string): Uint8Array => encoder.encode(text);
export const decode = (bytes: Uint8Array | undefined): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);

/** Deeper than a stack that reads by calling itself; V8's own JSON reader takes it. */
const DEEP = 20_000;

const TOKENS = ['{', '}', '[', ']', ',', ':', '"', '\\', '0', '-', 'e9', 'null', 'true', '\\u0000', '\\ud800', ' ', '"":', '\uFEFF'];

/** A value as JSON that is wrong where it stands: another type, an edge of a type, nested without end. */
function strangeJson(random: Random): string {
  const kind = random.below(14);
  if (kind < 3) return strangeNumber(random);
  if (kind < 6) return JSON.stringify(strangeText(random));
  if (kind < 11)
    return random.pick([
      'null',
      'true',
      'false',
      '[]',
      '{}',
      '[null]',
      '{"":null}',
      '{"__proto__":{"a":1}}',
      '{"toString":1,"valueOf":1}',
      '"constructor"',
    ]);
  const depth = random.chance(0.2) ? DEEP : 1 + random.below(100);
  if (kind === 11) return `${'['.repeat(depth)}${']'.repeat(depth)}`;
  if (kind === 12) return `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
  return `[${random.many(random.below(300), () => strangeNumber(random)).join(',')}]`;
}

/** How many values there are, those within others too. */
function sizeOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce<number>((sum, entry) => sum + sizeOf(entry), 1);
}

/**
 * A value as JSON with about `damages` pieces of damage to its structure: values of other types, keys that are there twice, under
 * other names or not at all, elements doubled and left out.
 */
export function damagedJson(random: Random, value: unknown, damages: number): string {
  const share = damages / sizeOf(value);
  const write = (node: unknown): string => {
    const isHit = random.chance(share);
    if (isHit && random.chance(0.5)) return strangeJson(random);
    if (typeof node === 'string') return JSON.stringify(isHit ? changedText(random, node) : node);
    if (typeof node === 'number' && isHit) return strangeNumber(random);
    if (Array.isArray(node)) {
      const parts = node.map(write);
      if (isHit && parts.length > 0) {
        const at = random.below(parts.length);
        const copies = random.pick([0, 0, 2, 3, 200]);
        parts.splice(at, 1, ...Array.from({ length: copies }, () => parts[at] ?? ''));
      }
      return `[${parts.join(',')}]`;
    }
    if (typeof node === 'object' && node !== null) {
      const parts = Object.entries(node)
        .filter(([, entry]) => entry !== undefined)
        .map(([key, entry]) => [JSON.stringify(key), write(entry)] as const);
      if (isHit) {
        const at = random.below(parts.length + 1);
        const [key, entry] = parts[at] ?? ['"a"', '1'];
        const changed = random.pick([
          [],
          [
            [key, entry],
            [key, strangeJson(random)],
          ],
          [[JSON.stringify(strangeText(random)), entry]],
        ] as const);
        parts.splice(at, 1, ...changed.map(([name, content]) => [name, content] as const));
      }
      return `{${parts.map(([key, entry]) => `${key}:${entry}`).join(',')}}`;
    }
    return JSON.stringify(node) ?? 'null';
  };
  return write(value);
}

const changedText = (random: Random, text: string): string =>
  random.pick([strangeText(random), text + strangeText(random), text.slice(0, random.below(text.length + 1)), text + text]);

/**
 * A value as a text of JSON: whole, with damage to its structure, or with damage to its characters.
 */
export function jsonFile(random: Random, value: unknown): Uint8Array {
  if (random.chance(0.1)) return encode(JSON.stringify(value));
  const bytes = encode(damagedJson(random, value, 0.5 + 2 * random.uniform()));
  return random.chance(0.25) ? damagedText(random, bytes, TOKENS) : bytes;
}

/** Damage to characters; at times a piece is there so often that the text becomes long. */
export function damagedText(random: Random, bytes: Uint8Array, tokens: readonly string[]): Uint8Array {
  if (bytes.byteLength === 0) return bytes;
  const damaged = mutate(bytes, random.uniform, tokens);
  if (damaged.byteLength === 0 || !random.chance(0.1)) return damaged;
  const at = random.below(damaged.byteLength);
  const piece = damaged.subarray(at, at + 1 + random.below(40));
  const copies = Math.floor(LONG_BYTES / piece.byteLength);
  const grown = new Uint8Array(damaged.byteLength + copies * piece.byteLength);
  grown.set(damaged.subarray(0, at));
  for (let i = 0; i < copies; i += 1) grown.set(piece, at + i * piece.byteLength);
  grown.set(damaged.subarray(at), at + copies * piece.byteLength);
  return grown;
}

/** Long enough that work which grows with the square of the length is noticed. */
const LONG_BYTES = 200_000;
