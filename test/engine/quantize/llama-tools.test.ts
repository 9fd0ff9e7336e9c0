import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { readImatrix } from '#core/quantize/imatrix-file.ts';
import { fileSource } from '#test/byte-source.ts';
import { tinyFolder, tinyText } from '#test/fixtures.ts';
import { llamaToolsModel, llamaToolsWindow, mixesOfLlamaTools } from '#test/golden/llama-tools/model.ts';
import { native, quantize, temporaryFolder, tensorsOf } from './quantize.ts';

const golden = (name: string): string => fileURLToPath(new URL(`../../golden/llama-tools/${name}`, import.meta.url));
const root = temporaryFolder();
afterAll(() => rm(root, { recursive: true }));

const folder = await tinyFolder(llamaToolsModel);
const imatrix = await readImatrix(fileSource(golden('imatrix.gguf')));

it('calibration finds the sums that llama-imatrix finds', async () => {
  const modelPath = join(root, 'f32.gguf');
  await quantize(folder, modelPath, 'F32');
  const calibrator = await native.openCalibrator({ modelPath, text: tinyText, contextLength: llamaToolsWindow, threads: 1 });
  const found = await calibrator.squareSums();
  calibrator.close();
  expect(calibrator.windows).toBe(imatrix.chunkCount);
  expect(found.map(({ name }) => name).toSorted()).toEqual([...imatrix.entries.keys()].toSorted());
  for (const { name, squareSums, rows } of found) {
    const expected = imatrix.entries.get(name);
    expect([...rows]).toEqual([...(expected?.counts ?? [])]);
    const squares = expected?.squares ?? new Float32Array();
    const largest = Math.max(...squares);
    // Equal to the bit on the processor that the golden file was made on; others add in another order.
    for (const [i, value] of squares.entries()) expect(Math.abs((squareSums[i] ?? NaN) - value) / largest).toBeLessThan(1e-3);
  }
});

/** On other platforms the same library rounds otherwise where it searches for scales: there the simple types are held to the byte. */
const isSameBuild = process.platform === 'linux' && process.arch === 'x64';
const simple = /^(F32|Q4_0|Q8_0) /;

describe('one pass from a folder, with an importance matrix, gives what llama-quantize gives from a ready file', async () => {
  const expected = JSON.parse(await readFile(golden('expected.json'), 'utf8')) as Record<string, Record<string, string>>;
  it.each(mixesOfLlamaTools)('%s', async (mix) => {
    const made = join(root, `${mix}.gguf`);
    const facts = {
      file: 'imatrix.gguf',
      datasets: imatrix.datasets,
      chunkCount: imatrix.chunkCount,
      tensors: new Set(imatrix.entries.keys()),
    };
    // Some rows at a time: what llama-quantize cuts otherwise must not show.
    await quantize(folder, made, mix, { imatrix: facts }, { imatrix, chunkElements: 5000 });
    const found = [...(await tensorsOf(made))].map(([name, { type, bytes }]) => [
      name,
      `${type} ${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`,
    ]);
    const held = (tensors: readonly string[][]): readonly string[][] =>
      isSameBuild
        ? tensors
        : tensors.map(([name = '', said = '']) => (simple.test(said) ? [name, said] : [name, said.split(' ')[0] ?? '']));
    // llama-quantize puts the tensors in another order.
    expect(Object.fromEntries(held(found))).toEqual(Object.fromEntries(held(Object.entries(expected[mix] ?? {}))));
  });
});
