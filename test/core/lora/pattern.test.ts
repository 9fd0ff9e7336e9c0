import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { modulePattern } from '#core/lora/pattern.ts';

const golden = JSON.parse(readFileSync(new URL('../../golden/lora/patterns.json', import.meta.url), 'utf8')) as {
  readonly paths: readonly string[];
  readonly matches: Readonly<Record<string, readonly string[]>>;
};

test.for(Object.entries(golden.matches))('%j matches what it matches in PEFT', ([pattern, expected]) => {
  const matches = modulePattern(pattern);
  expect(golden.paths.filter((path) => matches?.(path))).toEqual(expected);
});

test.for(['(', '[', 'a**', '*a', 'a{3', 'a{9,2}', 'a{1000}', '(?=a)', '(?P<n>a)', '\\b', '\\1', 'a\\', '[a-\\d]', ')', 'x'.repeat(10_000)])(
  'refuses %j, which it cannot read as Python does',
  (pattern) => {
    expect(modulePattern(pattern)).toBeNull();
  },
);

test('refuses repeats of repeats that would be written out beyond all bounds', () => {
  expect(modulePattern('((((a{60}){60}){60}){60})')).toBeNull();
});

test('takes time that grows with the name, not with the ways to read it', () => {
  const matches = modulePattern('(a|a)*(a+)+(.*.*.*.*)*x');
  // A matcher that tries all ways would not end before the stars do.
  expect(matches?.('a'.repeat(2000))).toBe(false);
  expect(matches?.(`${'a'.repeat(2000)}x`)).toBe(true);
});
