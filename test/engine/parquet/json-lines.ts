import { expect } from 'vitest';

const parse = (line: string): unknown => JSON.parse(line) as unknown;

/** Lines of JSON that say the same; numbers beyond 2^53 may be texts, as JavaScript has no other way to keep them. */
export function expectAll(text: string, expected: string): void {
  const exact = (line: string): string => line.replace(/: (\d{17,})/g, ': "$1"');
  expect(text.split('\n').map(parse)).toEqual(expected.trimEnd().split('\n').map(exact).map(parse));
}
