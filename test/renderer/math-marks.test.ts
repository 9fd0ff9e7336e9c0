import { expect, test } from 'vitest';
import { mayHoldMath, withDollars } from '#renderer/markdown/math-marks.ts';

test.each([
  ['so \\(a^2\\) is', 'so $a^2$ is'],
  ['\\[ x = 1 \\]', '\n$$\nx = 1\n$$\n'],
  ['a:\n$$n = p$$\nb', 'a:\n$$\nn = p\n$$\nb'],
  ['`\\(a\\)` is code', '`\\(a\\)` is code'],
  ['```tex\n\\[ x \\]\n```', '```tex\n\\[ x \\]\n```'],
  ['costs $5 and $6.', 'costs \\$5 and \\$6.'],
  ['$5 + x$', '$5 + x$'],
  ['$\\frac{1}{2}$', '$\\frac{1}{2}$'],
])('%j', (written, read) => {
  expect(withDollars(written)).toBe(read);
});

test('a text without marks is read without the syntax of formulas', () => {
  expect(['Just $5.', 'a (b) [c]', ''].map(mayHoldMath)).toEqual([false, false, false]);
  expect(['$x$', '\\(x\\)', '\\[x\\]'].map(mayHoldMath)).toEqual([true, true, true]);
});
