import { estimateShape } from '#core/memory/inference.ts';
import { shapeFromGguf } from '#core/memory/shape-gguf.ts';
import type { Allocations, Allocator, Measured } from './llama-allocations.ts';
import { writeMemoryModel, type MemoryModel } from './memory-models.ts';

/** What was predicted for a model and a setting, and what llama.cpp allocated. */
export interface Comparison {
  readonly model: string;
  readonly settings: Measured;
  readonly predictedBytes: number;
  readonly measuredBytes: number;
  /** (predicted - measured) / measured: below zero is an under-estimate. */
  readonly error: number;
  /** The same for each part that is larger than llama.cpp's own rounding lets be told. */
  readonly parts: Readonly<Partial<Record<keyof Allocations, number>>>;
}

/** llama.cpp tells hundredths of a MiB: of parts below this, the error says nothing. */
const LEAST_PART_BYTES = 2 * 1024 ** 2;

const kinds = ['weights', 'cache', 'state', 'compute', 'outputs'] as const;

/** Hold the estimate against llama.cpp, for one model and all settings, and for as many layers on one card where there is one. */
export async function compare(
  allocator: Allocator,
  path: string,
  model: MemoryModel,
  settings: readonly Measured[],
  gpuLayers?: number,
): Promise<readonly Comparison[]> {
  const shape = shapeFromGguf(await writeMemoryModel(path, model));
  const measured = await allocator.measure(path, settings, gpuLayers);
  return measured.map(({ processor, cards }, index) => {
    const asked = settings[index] ?? { contextLength: 0 };
    const onCard = gpuLayers === undefined ? {} : { gpuLayers, cards: [1] };
    const { amounts } = estimateShape(shape, { ...asked, ...onCard });
    const predicted = (kind: keyof Allocations): number => amounts.find((amount) => amount.kind === kind)?.bytes ?? 0;
    const sum = (of: (kind: keyof Allocations) => number): number => kinds.reduce((total, kind) => total + of(kind), 0);
    const found = (kind: keyof Allocations): number => cards.reduce((total, card) => total + card[kind], processor[kind]);
    const measuredBytes = sum(found);
    const predictedBytes = sum(predicted);
    const relative = (kind: keyof Allocations): number => (predicted(kind) - found(kind)) / found(kind);
    const parts = Object.fromEntries(kinds.filter((kind) => found(kind) >= LEAST_PART_BYTES).map((kind) => [kind, relative(kind)]));
    return {
      model: model.name,
      settings: asked,
      predictedBytes,
      measuredBytes,
      error: (predictedBytes - measuredBytes) / measuredBytes,
      parts,
    };
  });
}
