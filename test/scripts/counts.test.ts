import { expect, test } from 'vitest';
import { countTests } from '../../scripts/setup/test.mjs';

const file = (name: string, ...statuses: string[]) => ({
  name,
  status: statuses.includes('failed') ? 'failed' : 'passed',
  assertionResults: statuses.map((status) => ({ status })),
});

const report = (passed: number, failed: number, testResults: ReturnType<typeof file>[] = []) => ({
  numPassedTests: passed,
  numFailedTests: failed,
  testResults,
});

test('the runner’s own numbers are passed on', () => {
  expect(countTests(report(500, 0), 0, 400)).toEqual({ passed: 500, failed: 0, problems: [] });
  expect(countTests(report(498, 2, [file('a', 'passed', 'failed', 'failed')]), 1, 400)).toEqual({ passed: 498, failed: 2, problems: [] });
});

test('a file that does not load counts as a failure, although no test of it failed', () => {
  const broken = { name: 'broken.test.ts', status: 'failed', assertionResults: [] };
  expect(countTests(report(500, 0, [broken]), 1, 400)).toEqual({ passed: 500, failed: 1, problems: ['broken.test.ts could not be run'] });
});

test('an error outside any test counts as a failure', () => {
  expect(countTests(report(500, 0), 1, 400)).toMatchObject({ failed: 1 });
});

test('a run that saw next to nothing does not pass', () => {
  expect(countTests(report(3, 0), 0, 400)).toMatchObject({ passed: 3, failed: 1 });
  expect(countTests(report(0, 0), 0, 1)).toMatchObject({ passed: 0, failed: 1 });
});

test('a runner that wrote no report failed', () => {
  expect(countTests(null, 0, 400)).toMatchObject({ passed: 0, failed: 1 });
});
