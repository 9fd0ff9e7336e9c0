import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { loadNative } from '#engine/native.ts';
import { writeFamilyModel, type FamilyModel } from './family-models.ts';

const models: readonly FamilyModel[] = [
  { family: 'llama', layers: 2, type: 'F32' },
  { family: 'llama', layers: 2, type: 'Q8_0' },
  { family: 'qwen2', layers: 2, type: 'Q4_0' },
  { family: 'llama', layers: 2, type: 'Q4_K', embedding: 256, feedForward: 256 },
  {
    family: 'gemma2',
    type: 'F32',
    layers: 2,
    tied: true,
    more: { sliding_window: 16, attn_logit_softcapping: 5, final_logit_softcapping: 3 },
  },
];

const STEPS = fileURLToPath(new URL('./vulkan-steps.ts', import.meta.url));

/** Cards round to half precision on their way into matrix units: gradients are within 1.4e-2 of the processor's, the losses follow closer. */
const BOUND = 5e-3;

/** Mesa 22.3's software driver often dies in its own compiler, where no memory of ours is touched: seen with valgrind. */
const ATTEMPTS = 12;

interface Curves {
  readonly processor: readonly number[];
  readonly card: readonly number[];
}

/** What else there is to say than curves: no Vulkan device, or one whose driver died each time. */
type Untried = 'this computer has no Vulkan device' | 'Mesa’s software driver died in its own compiler each time';

async function curvesOf(modelPath: string): Promise<Curves | Untried> {
  // Mesa's software driver counts as a device where there is no card.
  const env = { ...process.env, GGML_VK_VISIBLE_DEVICES: '0', LP_NUM_THREADS: '0' };
  for (let attempt = 1; ; attempt++)
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [STEPS, modelPath], { env });
      return (JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Curves | null) ?? 'this computer has no Vulkan device';
    } catch (error) {
      const { signal, stdout = '' } = error as { signal?: string | null; stdout?: string };
      // An exit code is ours, and so is the end of any other device's driver.
      if (signal == null || !stdout.includes('llvmpipe')) throw error;
      if (attempt === ATTEMPTS) return 'Mesa’s software driver died in its own compiler each time';
    }
}

test.each(models)('a run of $family $type on a Vulkan device follows the curve of the processor', { timeout: 240_000 }, async (model) => {
  const modelPath = join(await mkdtemp(join(tmpdir(), 'lathe-vulkan-')), 'model.gguf');
  await writeFamilyModel(loadNative(), modelPath, model);
  const curves = await curvesOf(modelPath);
  if (typeof curves === 'string') return void process.stdout.write(`Not tried with ${model.family} ${model.type}: ${curves}.\n`);
  const [first = 0] = curves.processor;
  expect(curves.processor.at(-1)).toBeLessThan(0.9 * first);
  for (const [step, loss] of curves.card.entries()) expect(Math.abs(loss - (curves.processor[step] ?? 0))).toBeLessThan(BOUND * first);
});
