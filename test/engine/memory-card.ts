import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAllocator, type Measured } from './llama-allocations.ts';
import { compare, type Comparison } from './measured-memory.ts';
import { memoryModels } from './memory-models.ts';

/** A process of its own, since drivers start threads that stay. Prints comparisons as JSON, or `null` where Vulkan finds no device. */
const names: ReadonlySet<string> = new Set(['grouped', 'sliding window', 'latent', 'recurrent', 'recurrent 2', 'mixed']);

const settings: readonly Measured[] = [{ contextLength: 4096 }, { contextLength: 2048, flashAttention: false }];

/** None of the six layers on the card, some, all and the output. */
const split = [0, 3, 7];

async function comparisons(): Promise<readonly Comparison[] | null> {
  const allocator = await openAllocator('vulkan').catch(() => null);
  if (allocator === null) return null;
  const path = join(await mkdtemp(join(tmpdir(), 'lathe-memory-')), 'model.gguf');
  const found: Comparison[] = [];
  for (const [index, model] of memoryModels.filter(({ name }) => names.has(name)).entries())
    for (const gpuLayers of split)
      found.push(...(await compare(allocator, path, model, settings.slice(index % 2, (index % 2) + 1), gpuLayers)));
  return found;
}

process.stdout.write(`${JSON.stringify(await comparisons())}\n`);
process.exit(0);
