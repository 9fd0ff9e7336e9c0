import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { RepeatedNgrams } from '#core/sampling/no-repeat-ngram.ts';

interface Case {
  readonly size: number;
  readonly tokens: readonly number[];
  readonly banned: readonly number[];
}

const file = new URL('../../golden/sampling/no-repeat-ngram.json', import.meta.url);
const cases = JSON.parse(readFileSync(file, 'utf8')) as readonly Case[];

test('bars the tokens that transformers bars, wherever the prompt ends and the answer begins', () => {
  expect(cases).toHaveLength(28);
  for (const { size, tokens, banned } of cases)
    for (const split of [0, Math.floor(tokens.length / 2), tokens.length]) {
      const repeats = new RepeatedNgrams(size, tokens.slice(0, split));
      for (const token of tokens.slice(split)) repeats.push(token);
      expect([size, tokens, [...repeats.banned()].toSorted((left, right) => left - right)]).toEqual([size, tokens, banned]);
    }
});
