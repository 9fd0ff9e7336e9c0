import { randomInt } from 'node:crypto';

/** Crockford's base 32: no letters that are taken for digits. */
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';
const LETTERS = DIGITS.slice(10);

/**
 * A new id: 12 characters that people can read out and type, the first of them a letter so that no id is a number.
 * 22 · 32^11 of them: among a million the odds that two are equal are below one in a million.
 */
export function newId(): string {
  const pick = (from: string): string => from.charAt(randomInt(from.length));
  return pick(LETTERS) + Array.from({ length: 11 }, () => pick(DIGITS)).join('');
}
