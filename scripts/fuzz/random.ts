import { seedOf } from '#core/demo/random.ts';
import { seededRandom } from '#test/byte-source.ts';

/** Seeded choices: the same name and seed give the same input on every machine. */
export interface Random {
  /** From 0 to 1. */
  readonly uniform: () => number;
  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** `count` things, made one after the other. */
  many<T>(count: number, make: (index: number) => T): T[];
  bytes(length: number): Uint8Array<ArrayBuffer>;
}

function randomOf(name: string, seed: number): Random {
  const uniform = seededRandom(seedOf(name, seed));
  const below = (limit: number): number => Math.floor(uniform() * limit);
  return {
    uniform,
    below,
    chance: (probability) => uniform() < probability,
    pick: (list) => {
      const found = list[below(list.length)];
      if (found === undefined && list.length === 0) throw new RangeError('nothing to pick from');
      return found as (typeof list)[number];
    },
    many: (count, make) => Array.from({ length: count }, (_, index) => make(index)),
    bytes: (length) => Uint8Array.from({ length }, () => below(256)),
  };
}

/** The choices that make one input of a run: a finding is told by its number. */
export const randomOfInput = (target: string, seed: number, index: number): Random => randomOf(`${target} ${index}`, seed);

/** Texts that have broken readers: empty, marks of direction, halves of characters, names of prototypes, paths, formats. */
const STRANGE_TEXTS: readonly string[] = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\uFEFF',
  '\u202Egpj.exe',
  '\uD800',
  '\uDFFF\uD800',
  '👩‍👩‍👧‍👦',
  'e\u0301\u0327',
  '中文名',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '../../../etc/passwd',
  'C:\\Windows\\NUL',
  'file:///etc/passwd',
  '%s%n%x',
  '${7*7}',
  '{{7*7}}',
  '<script>alert(1)</script>',
  '\r\n\r\n',
  '\u2028',
  'NaN',
  '-0',
  '1e999',
  'null',
  'x'.repeat(300),
  '\n'.repeat(2000),
  '字'.repeat(5000),
];

export const strangeText = (random: Random): string =>
  random.chance(0.8)
    ? random.pick(STRANGE_TEXTS)
    : String.fromCharCode(...random.many(random.below(12), () => random.below(random.chance(0.5) ? 0x80 : 0x10000)));

/** Numbers at the ends of what readers take: signs, fractions, and just past each size, as JSON writes them. */
const STRANGE_NUMBERS: readonly string[] = [
  '0',
  '-0',
  '1',
  '-1',
  '0.5',
  '1.0',
  '1e2',
  '255',
  '256',
  '65535',
  '65536',
  '2147483647',
  '2147483648',
  '4294967295',
  '4294967296',
  '9007199254740991',
  '9007199254740993',
  '18446744073709551615',
  '1e308',
  '-1e308',
  '1e999',
  '-1e999',
  '5e-324',
  `1${'0'.repeat(400)}`,
];

export const strangeNumber = (random: Random): string => random.pick(STRANGE_NUMBERS);
