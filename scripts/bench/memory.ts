import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheTypes } from '#core/memory/cache-types.ts';
import { advise, bestSplit } from '#core/memory/fit.ts';
import { estimateShape } from '#core/memory/inference.ts';
import { shapeFromFacts } from '#core/memory/shape-facts.ts';
import { shapeFromGguf } from '#core/memory/shape-gguf.ts';
import { openAllocator, type Measured } from '#test/engine/llama-allocations.ts';
import { compare, type Comparison } from '#test/engine/measured-memory.ts';
import { memoryModels } from '#test/engine/memory-models.ts';
import { median, type BenchRow } from './row.ts';

export const name = 'memory';

/** Every kind of cache at one length, and lengths, sequences and flash attention around it. */
const settings: readonly Measured[] = [
  ...[512, 2048, 8192, 16_384].map((contextLength) => ({ contextLength })),
  ...cacheTypes.map((type) => ({ contextLength: 4096, keyType: type, valueType: type })),
  { contextLength: 4096, keyType: 'Q8_0', valueType: 'F16' },
  { contextLength: 1024, flashAttention: false },
  { contextLength: 4096, flashAttention: false },
  { contextLength: 4096, flashAttention: false, keyType: 'Q8_0' },
  { contextLength: 2048, sequences: 2 },
  { contextLength: 2048, sequences: 4, flashAttention: false },
];

const percent = (value: number): number => Math.round(value * 10_000) / 100;

/** How far the memory estimate is from what llama.cpp allocates on the processor, for each kind of attention. */
export async function run(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'lathe-bench-'));
  try {
    const allocator = await openAllocator();
    const all: Comparison[] = [];
    const rows: BenchRow[] = [];
    for (const model of memoryModels) {
      // Latent attention has one cache for both: llama.cpp refuses two types.
      const asked = settings.filter(({ keyType, valueType }) => keyType === valueType || !model.name.startsWith('latent'));
      const found = await compare(allocator, join(folder, 'model.gguf'), model, asked);
      all.push(...found);
      rows.push({ name: `memory, ${model.name}`, ...figures(found) });
    }
    const errors = all.map(({ error }) => error);
    return [
      {
        name: 'memory, all: median error',
        value: percent(median(errors.map(Math.abs))),
        unit: '%',
        goal: '≤ 1',
        note: `n = ${all.length}`,
      },
      { name: 'memory, all: worst error', value: percent(Math.max(...errors.map(Math.abs))), unit: '%', goal: '≤ 3' },
      { name: 'memory, all: worst under-estimate', value: percent(Math.max(0, ...errors.map((error) => -error))), unit: '%', goal: '≤ 2' },
      ...rows,
      ...(await onCard(folder)),
      { name: 'memory, one estimate', value: estimateMs(), unit: 'ms', goal: '< 1', note: 'mean over all models' },
      ...searches(),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Layers on a card: none, some, all and the output. */
const split = [0, 3, 7];

/** Vulkan, on Mesa's software driver where the computer has no card. */
async function onCard(folder: string): Promise<BenchRow[]> {
  process.env['GGML_VK_VISIBLE_DEVICES'] ??= '0';
  const allocator = await openAllocator('vulkan').catch(() => null);
  if (allocator === null) return [{ name: 'memory, on a card', value: Number.NaN, unit: '%', note: 'Vulkan finds no device here' }];
  const all: Comparison[] = [];
  for (const model of memoryModels)
    for (const gpuLayers of split) all.push(...(await compare(allocator, join(folder, 'model.gguf'), model, cardSettings, gpuLayers)));
  const errors = all.map(({ error }) => error);
  return [
    {
      name: 'memory, on a card: median error',
      value: percent(median(errors.map(Math.abs))),
      unit: '%',
      goal: '≤ 1',
      note: `n = ${all.length}`,
    },
    {
      name: 'memory, on a card: worst error',
      value: percent(Math.max(...errors.map(Math.abs))),
      unit: '%',
      goal: '≤ 3',
      note: worstOf(all),
    },
    {
      name: 'memory, on a card: worst under-estimate',
      value: percent(Math.max(0, ...errors.map((error) => -error))),
      unit: '%',
      goal: '≤ 2',
    },
  ];
}

const cardSettings: readonly Measured[] = [
  { contextLength: 4096 },
  { contextLength: 4096, keyType: 'Q8_0', valueType: 'Q8_0' },
  { contextLength: 2048, flashAttention: false },
  { contextLength: 16_384 },
  { contextLength: 2048, sequences: 2 },
];

function worstOf(all: readonly Comparison[]): string {
  const [worst] = all.toSorted((left, right) => Math.abs(right.error) - Math.abs(left.error));
  return worst === undefined ? '' : `${worst.model}, ${JSON.stringify(worst.settings)}`;
}

/** Worst error of a model; of its largest compute buffer, as llama.cpp's rounding of sizes says nothing of small ones. */
function figures(found: readonly Comparison[]): Pick<BenchRow, 'value' | 'unit' | 'note'> {
  const worst = Math.max(...found.map(({ error }) => Math.abs(error)));
  const compute = Math.max(...found.map(({ parts }) => Math.abs(parts.compute ?? 0)));
  return { value: percent(worst), unit: '%', note: `compute buffer alone ${percent(compute)} %` };
}

const ROUNDS = 200;

function estimateMs(): number {
  const shapes = memoryModels.map(({ metadata, tensors }) =>
    shapeFromGguf({ metadata, tensors: tensors.map((tensor) => ({ ...tensor, offset: 0, sizeBytes: 0 })) }),
  );
  const startMs = performance.now();
  for (let round = 0; round < ROUNDS; round += 1) for (const shape of shapes) estimateShape({ ...shape }, { contextLength: 4096 + round });
  return (performance.now() - startMs) / (ROUNDS * shapes.length);
}

/** Llama 3.1 70B, of 40 GB. */
const large = shapeFromFacts(
  {
    architecture: 'llama',
    layerCount: 80,
    embeddingLength: 8192,
    feedForwardLength: 28_672,
    headCount: 64,
    headCountKv: 8,
    vocabularySize: 128_256,
    parameterCount: 70_553_706_496,
    contextLength: 131_072,
    tiedEmbeddings: false,
  },
  40e9,
);

/** What is asked while a slider moves, of a model that does not fit: a computer of 64 GB with a card of 24 GB. */
function searches(): BenchRow[] {
  const room = { processorBytes: 64e9, cardBytes: [24e9] };
  // A shape and a context that nothing is known of yet.
  const question = (round: number) => ({ shape: { ...large }, settings: { contextLength: 4096 + 256 * round }, room });
  const onCard = { gpuLayers: 81, cards: [24e9] };
  return [
    row('memory, best split of 70B', (round) => bestSplit(question(round))),
    row('memory, advice for 70B on a card that is too small', (round) => {
      const asked = question(round);
      advise({ ...asked, settings: { ...asked.settings, ...onCard } });
    }),
  ];
}

function row(title: string, work: (round: number) => unknown): BenchRow {
  const times = Array.from({ length: 3 * ROUNDS }, (_, round) => {
    const startMs = performance.now();
    work(round % ROUNDS);
    return performance.now() - startMs;
  });
  return { name: title, value: median(times.slice(ROUNDS)), unit: 'ms', goal: '< 1', note: 'median' };
}
