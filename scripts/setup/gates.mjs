// @ts-check
import { join } from 'node:path';
import { modules } from './paths.mjs';

/**
 * @typedef {object} Gate
 * @property {string} name
 * @property {string[]} args script and arguments for the pinned Node
 */

/** @param {string[]} parts */
const tool = (...parts) => join(modules, ...parts);

/** What has to hold before a test runs, each a program that says yes or no. @type {Gate[]} */
export const gates = [
  { name: 'types', args: [tool('typescript', 'bin', 'tsc'), '--noEmit', '-p', '.'] },
  {
    name: 'lint',
    args: [tool('oxlint', 'bin', 'oxlint'), '--type-aware', '--deny-warnings', 'src', 'test', 'scripts', 'electron.vite.config.ts'],
  },
  { name: 'format', args: [tool('oxfmt', 'bin', 'oxfmt'), '--check', '.'] },
  { name: 'unused code', args: [tool('knip', 'bin', 'knip.js'), '--no-progress'] },
];
