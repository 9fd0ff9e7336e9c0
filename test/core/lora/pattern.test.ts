import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readPeftConfig } from '#core/lora/peft-config.ts';
import { modulePattern, PatternsTooSlow } from '#core/lora/pattern.ts';
import { errorOf } from '#test/expect-error.ts';

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

test('refuses repeats of nothing, which make no states however often they are repeated', () => {
  expect(modulePattern(`${'('.repeat(80)}${'){64}'.repeat(80)}`)).toBeNull();
  expect(modulePattern('((){2}){2}')?.('a.')).toBe(true);
});

test('takes no more states and steps for all patterns of an adapter together than they may have', async () => {
  const budget = { states: 100, visits: 1000 };
  const matches = modulePattern('(a|b)*c', budget);
  expect(budget.states).toBeLessThan(100);
  expect(modulePattern('(a|b){64}', budget)).toBeNull();
  expect(matches?.('abc')).toBe(true);
  expect(() => matches?.('ab'.repeat(500))).toThrow(PatternsTooSlow);
  const rank_pattern = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`(${'a?'.repeat(60)}){60}${i}`, 4]));
  expect(await errorOf(() => readPeftConfig({ rank_pattern }))).toMatchObject({ code: 'adapters.badPattern' });
});

test('takes time that grows with the name, not with the ways to read it', () => {
  const matches = modulePattern('(a|a)*(a+)+(.*.*.*.*)*x');
  // A matcher that tries all ways would not end before the stars do.
  expect(matches?.('a'.repeat(2000))).toBe(false);
  expect(matches?.(`${'a'.repeat(2000)}x`)).toBe(true);
});
