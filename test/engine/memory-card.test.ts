import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { Comparison } from './measured-memory.ts';

const PROGRAM = fileURLToPath(new URL('./memory-card.ts', import.meta.url));

/** The goal for the whole of what is allocated, on all devices: `npm run bench memory` measures more settings. */
const WORST = 0.03;
const WORST_BELOW = 0.02;

test('the estimate for a Vulkan device and the processor beside it is what llama.cpp allocates', { timeout: 120_000 }, async () => {
  // Mesa's software driver counts as a device where there is no card.
  const env = { ...process.env, GGML_VK_VISIBLE_DEVICES: '0', LP_NUM_THREADS: '0' };
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM], { env });
  const found = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as readonly Comparison[] | null;
  if (found === null) return void process.stdout.write('Not tried: this computer has no Vulkan device.\n');
  expect(found).toHaveLength(18);
  expect(found.filter(({ error }) => !(error <= WORST && error >= -WORST_BELOW))).toEqual([]);
});
