import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { writeSeventy } from '../../scripts/scale/seventy.ts';
import { emptyHome, latheJson } from './program.ts';

test('a model of 128 GiB, more than any memory here, is imported and planned to the byte', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lathe-seventy-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const home = await emptyHome();
  const sizeBytes = await writeSeventy(folder);
  expect(sizeBytes).toBeGreaterThan(127 * 2 ** 30);
  await latheJson(home, ['import', folder]);
  const recipes = (await latheJson(home, ['recipes', folder])) as { target: string; sizeBytes: number | null }[];
  const [f16, q8] = ['F16', 'Q8_0'].map((target) => recipes.find((recipe) => recipe.target === target)?.sizeBytes ?? 0);
  // 80 layers of Llama 3 70B: four attention matrices (two of them for 8 of 64 heads), three of the feed-forward network.
  const layers = 80 * (2 * 8192 * 8192 + 2 * 8192 * 1024 + 3 * 8192 * 28_672);
  // What is beside them, norms, vocabulary and header, is under 64 MiB.
  const beside = 64 * 2 ** 20;
  expect(f16).toBeGreaterThan(layers * 2);
  expect(f16).toBeLessThan(layers * 2 + beside);
  // Q8_0: 34 bytes for 32 weights.
  expect(q8).toBeGreaterThan((layers * 34) / 32);
  expect(q8).toBeLessThan((layers * 34) / 32 + beside);
});
