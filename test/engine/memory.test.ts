import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openAllocator, type Allocator, type Measured } from './llama-allocations.ts';
import { compare } from './measured-memory.ts';
import { memoryModels } from './memory-models.ts';

/** What the estimate may be off by, of each part and of the whole: `npm run bench memory` measures more settings. */
const WORST = 0.03;
const WORST_BELOW = 0.02;

const settings: readonly Measured[] = [
  { contextLength: 4096 },
  { contextLength: 2048, flashAttention: false },
  { contextLength: 3000, sequences: 2, keyType: 'Q8_0', valueType: 'Q8_0' },
];

let allocator: Allocator;
let folder: string;
beforeAll(async () => {
  allocator = await openAllocator();
  folder = await mkdtemp(join(tmpdir(), 'lathe-memory-'));
});

describe('the estimate against what llama.cpp allocates', () => {
  test.each(memoryModels.map((model) => ({ name: model.name, model })))('$name', async ({ model }) => {
    const found = await compare(allocator, join(folder, 'model.gguf'), model, settings);
    const off = found.filter(({ error, parts }) =>
      [error, ...Object.values(parts)].some((value) => !(value <= WORST && value >= -WORST_BELOW)),
    );
    expect(off).toEqual([]);
    expect(found).toHaveLength(settings.length);
  });
});
