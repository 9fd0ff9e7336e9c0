import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeGeneratedModel } from '../../engine/generated-model.ts';
import { openTest, temporaryFolder } from '../support/open.ts';
import { lathe } from './fixture.ts';

/** The command line on real services. */
async function real() {
  const { client } = await openTest();
  return (...args: string[]) => lathe(args, {}, { open: async () => ({ client, close: async () => undefined }) });
}

interface Part {
  readonly kind: string;
  readonly bytes: number;
}
const weightsOf = (text: string): number =>
  (JSON.parse(text) as { total: { amounts: Part[] } }).total.amounts
    .filter(({ kind }) => kind === 'weights')
    .reduce((sum, { bytes }) => sum + bytes, 0);

test('a model known by its size has the weights of the rule: parameters times bytes', async () => {
  const run = await real();
  // 7 · 10⁹ parameters in 4 bits, and 350 · 10⁶ in 16 (domain's rule: weights = N × bytes).
  expect(weightsOf((await run('estimate', '--params', '7B', '--json')).stdout)).toBeCloseTo(3.5e9, -6);
  expect(weightsOf((await run('estimate', '--params', '350M', '--precision', 'fp16', '--json')).stdout)).toBeCloseTo(0.7e9, -6);
  const { stdout } = await run('estimate', '--params', '70B', '--precision', 'fp16', '--gpu', 'rtx 4090');
  expect(stdout).toMatch(/70B fp16/);
  expect(stdout).toMatch(/RTX 4090 1/);
  expect(stdout).toMatch(/rule of thumb/);
});

test('a model of the library is reckoned from its file; a longer context takes more, a smaller cache less', async () => {
  const run = await real();
  const path = join(temporaryFolder(), 'model.gguf');
  await writeGeneratedModel(path);
  const total = async (...args: string[]): Promise<number> => {
    const { code, stdout, stderr } = await run('estimate', path, ...args, '--json');
    expect([args, code, stderr]).toEqual([args, 0, '']);
    return (JSON.parse(stdout) as { total: { totalBytes: number } }).total.totalBytes;
  };
  const usual = await total('--context', '1024');
  expect(await total('--context', '8192')).toBeGreaterThan(usual);
  expect(await total('--context', '8192', '--kv', 'q8_0')).toBeLessThan(await total('--context', '8192'));
  expect(await total('--train', 'qlora', '--length', '512')).toBeGreaterThan(0);
});

test('what cannot be reckoned with is refused in words', async () => {
  const run = await real();
  for (const args of [
    [],
    ['--params', 'many'],
    ['--params', '-7B'],
    ['x.gguf', '--params', '7B'],
    ['--params', '7B', '--gpu', 'abacus'],
    ['--params', '7B', '--context', '0'],
    ['--params', '7B', '--kv', 'q9'],
  ]) {
    const { code, stdout, stderr } = await run('estimate', ...args);
    expect([args, code === 0, stdout]).toEqual([args, false, '']);
    expect(stderr).not.toMatch(/NaN|undefined|\bat /);
  }
});
