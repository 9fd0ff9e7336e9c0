import { expect, test } from 'vitest';
import { calculate, CalculationProblem } from '#core/chat/calculator.ts';

// The values are Python's, whose `**` is our `^`.
test.each([
  ['1 + 2 * 3', 7],
  ['(1 + 2) * 3', 9],
  ['2 ^ 3 ^ 2', 512],
  ['-2 ^ 2', -4],
  ['2 ** -2', 0.25],
  ['10 % 4 - 1', 1],
  ['7 − 3 × 2 ÷ 4', 5.5],
  ['1.5e3 + .5', 1500.5],
  ['sqrt(2) * sqrt(2)', 2.0000000000000004],
  ['max(3, 7, 5) - min(2, 1)', 6],
  ['log2(1024) + ln(e)', 11],
  ['round(2 * pi)', 6],
])('works out %s', (expression, value) => {
  expect(calculate(expression)).toBeCloseTo(value, 12);
});

test.each([
  ['', 'ends too early'],
  ['1 +', 'ends too early'],
  ['(1', 'expected ")" at the end'],
  ['1 2', '"2" stands'],
  ['1 / 0', 'not a finite number'],
  ['constructor(1)', '"constructor" is not known'],
  ['__proto__', '"__proto__" is not known'],
  ['process.exit()', 'cannot be read'],
  ['9'.repeat(2001), 'longer than'],
  ['('.repeat(500), 'nested too deeply'],
  ['-'.repeat(500), 'nested too deeply'],
])('refuses %s and says why', (expression, problem) => {
  expect(() => calculate(expression)).toThrow(CalculationProblem);
  expect(() => calculate(expression)).toThrow(problem);
});
