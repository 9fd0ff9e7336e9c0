import { setTimeout as delay } from 'node:timers/promises';
import { MiB } from '#core/bytes.ts';
import type { Allocated, Allocation } from '#contract/memory.ts';

/** What llama.cpp tells of its buffers, in hundredths of a MiB: "sched_reserve:    Vulkan0 compute buffer size =   12.34 MiB". */
const LINE = /(\S+)\s+(model|KV|RS|compute|output) buffer size =\s+([\d.]+) MiB/;
const PARTS = { model: 'weights', KV: 'cache', RS: 'state', compute: 'compute', output: 'outputs' } as const;

/** "CPU", "CPU_Mapped", "CPU_REPACK", "Vulkan_Host" are the computer's memory, "Vulkan0" the first card's. */
const CARD = /^(?!CPU)[A-Za-z]+(\d+)$/;

/** The log comes from another thread, a little later. */
const WAIT_MS = 5;
const MOST_WAITS = 40;

type Parts = { -readonly [P in keyof Allocation]: number };
type Devices = Map<number, Parts>;

/** What llama.cpp has allocated for the model and for its context. */
export interface Allocations {
  read(message: string): void;
  /** A model is being loaded, with another context. */
  newModel(): void;
  newContext(): void;
  /** Null where llama.cpp did not say. */
  found(): Promise<Allocated | null>;
}

export function createAllocations(): Allocations {
  const model: Devices = new Map();
  const context: Devices = new Map();
  /** Of the file, and of weights that were put in another order beside it. */
  let mapped = 0;
  const partsOf = (devices: Devices, index: number): Parts => {
    const parts = devices.get(index) ?? { weights: 0, cache: 0, state: 0, compute: 0, outputs: 0 };
    devices.set(index, parts);
    return parts;
  };
  const isThere = (): boolean => model.size > 0 && [...context.values()].some(({ compute }) => compute > 0);
  return {
    read: (message) => {
      const [, name = '', kind, size] = LINE.exec(message) ?? [];
      if (kind === undefined) return;
      const part = PARTS[kind as keyof typeof PARTS];
      const card = CARD.exec(name)?.[1];
      const bytes = Math.round(Number(size) * MiB);
      partsOf(part === 'weights' ? model : context, card === undefined ? -1 : Number(card))[part] += bytes;
      if (name.endsWith('_Mapped')) mapped += bytes;
    },
    newModel: () => {
      model.clear();
      mapped = 0;
      context.clear();
    },
    newContext: () => context.clear(),
    found: async () => {
      for (let waits = 0; waits < MOST_WAITS && !isThere(); waits += 1) await delay(WAIT_MS);
      if (!isThere()) return null;
      // The last line may still be on its way.
      await delay(WAIT_MS);
      const of = (index: number): Allocation => ({ ...partsOf(context, index), weights: partsOf(model, index).weights });
      // What is mapped is told as the stretch of the file from its first tensor to its last: with those between them that have a buffer of
      // their own, and are not read there.
      const own = of(-1).weights - mapped;
      const weights = Math.max(mapped, own);
      const cards = Math.max(-1, ...model.keys(), ...context.keys()) + 1;
      return { processor: { ...of(-1), weights }, cards: Array.from({ length: cards }, (_, card) => of(card)), mappedBytes: weights - own };
    },
  };
}
