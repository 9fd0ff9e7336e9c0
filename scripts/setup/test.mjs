// @ts-check
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureApp } from './app.mjs';
import { runInPlace, runQuietly } from './child.mjs';
import { gates } from './gates.mjs';
import { modules, pinnedNode, root, SetupError } from './paths.mjs';

/**
 * A whole run with fewer tests than this did not see the suite: a glob that matches nothing must not pass. Well under the
 * real number, so that it needs no care.
 */
const FEWEST_TESTS = 1200;

const reportFile = join(modules, '.lathe-test-report.json');

/**
 * Run everything that must hold, or only the tests of the given paths. Ends with the line `N passed, N failed`.
 * @param {string[]} paths
 * @param {() => Promise<void>} ensureNative
 * @returns {Promise<number>} the exit code
 */
export async function runTests(paths, ensureNative) {
  const tally = { passed: 0, failed: 0 };
  const isWhole = paths.length === 0;
  if (isWhole) {
    for (const { name, args } of gates) await gate(tally, name, () => problemOfProgram(args));
  }
  const built =
    (await gate(tally, 'native addon', () => problemOf(ensureNative))) && (await gate(tally, 'app build', () => problemOf(ensureApp)));
  // The package is made for Linux alone, with a stand-in; on other systems there is none to check.
  if (built && isWhole && process.platform === 'linux')
    await gate(tally, 'package', () => problemOfProgram([join(root, 'scripts', 'package-check.ts')]));
  if (built) await vitest(tally, paths, isWhole ? FEWEST_TESTS : 1);
  process.stdout.write(`\n${tally.passed} passed, ${tally.failed} failed\n`);
  return tally.failed === 0 ? 0 : 1;
}

/** @typedef {{ passed: number, failed: number }} Tally */

/**
 * @param {Tally} tally
 * @param {string} name
 * @param {() => Promise<string | null>} check the problem's text, or null
 * @returns {Promise<boolean>}
 */
async function gate(tally, name, check) {
  process.stdout.write(`${name}… `);
  const startedMs = Date.now();
  const problem = await check();
  tally[problem === null ? 'passed' : 'failed'] += 1;
  process.stdout.write(`${problem === null ? 'passed' : 'FAILED'} (${((Date.now() - startedMs) / 1000).toFixed(1)} s)\n`);
  if (problem !== null) process.stdout.write(`${problem.trimEnd()}\n`);
  return problem === null;
}

/**
 * @param {string[]} args for the pinned Node
 * @returns {Promise<string | null>}
 */
async function problemOfProgram(args) {
  const outcome = await runQuietly(pinnedNode, args);
  return outcome.code === 0 ? null : outcome.output;
}

/**
 * @param {() => Promise<void>} step
 * @returns {Promise<string | null>}
 */
async function problemOf(step) {
  try {
    await step();
    return null;
  } catch (error) {
    if (error instanceof SetupError) return error.message;
    throw error;
  }
}

/**
 * @param {Tally} tally
 * @param {string[]} paths
 * @param {number} fewest
 */
async function vitest(tally, paths, fewest) {
  rmSync(reportFile, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
  const outcome = await runInPlace(pinnedNode, [join(modules, 'vitest', 'vitest.mjs'), 'run', ...reporters, ...paths], { cwd: root });
  const counted = countTests(readReport(), outcome.code, fewest);
  for (const problem of counted.problems) process.stdout.write(`FAILED: ${problem}\n`);
  tally.passed += counted.passed;
  tally.failed += counted.failed;
}

function readReport() {
  try {
    return JSON.parse(readFileSync(reportFile, 'utf8'));
  } catch {
    return null;
  }
}

/**
 * What a run of the tests amounts to, from the runner's own report. What the report does not count as a failed test (a
 * file that does not load, an error outside any test, a run that broke off, a run that saw next to nothing) is counted
 * here, so that no way to fail ends as a pass.
 * @param {{ numPassedTests: number, numFailedTests: number, testResults: { name: string, status: string, assertionResults: { status: string }[] }[] } | null} report
 * @param {number} exitCode
 * @param {number} fewest
 * @returns {Tally & { problems: string[] }}
 */
export function countTests(report, exitCode, fewest) {
  if (report === null) return { passed: 0, failed: 1, problems: [`the test runner wrote no report (exit code ${exitCode})`] };
  const problems = report.testResults
    .filter(({ status, assertionResults }) => status === 'failed' && assertionResults.every((test) => test.status !== 'failed'))
    .map(({ name }) => `${name} could not be run`);
  const { numPassedTests: passed, numFailedTests } = report;
  if (passed + numFailedTests < fewest) problems.push(`only ${passed + numFailedTests} tests ran; at least ${fewest} were expected`);
  if (exitCode !== 0 && numFailedTests + problems.length === 0) problems.push(`the test runner ended with exit code ${exitCode}`);
  return { passed, failed: numFailedTests + problems.length, problems };
}
