import { stat } from 'node:fs/promises';
import { AppError } from '#core/errors/index.ts';
import { estimateShape } from '#core/memory/inference.ts';
import { planLoad, type LoadSettings } from '#core/memory/load.ts';
import type { ModelShape } from '#core/memory/shape.ts';
import type { Model } from '#contract/library.ts';
import type { Allocated, Allocation } from '#contract/memory.ts';
import type { Engines } from '../engines/index.ts';
import type { Memory } from '../memory/index.ts';
import { availableBytes } from '../system/memory.ts';

type LoadedFile = Pick<Model, 'id' | 'path' | 'kind' | 'name' | 'sizeBytes'>;

interface Asked {
  readonly model: LoadedFile;
  readonly load: LoadSettings;
  readonly adapters: readonly { readonly path: string }[];
  /** What the engine's process holds now, and gives back for this. */
  readonly held: Allocated | null;
  readonly force: boolean;
}

/** What was known before a load. */
interface Seen {
  readonly shape: ModelShape | null;
  /** Free on each card. */
  readonly cardBytes: readonly number[];
  /** What the engine is to be asked for; null: as it chooses. */
  readonly contextLength: number | null;
}

/** What the engine told after a load. */
interface Ready {
  readonly contextLength: number;
  readonly gpuLayers: number;
  readonly gpu: string | null;
  readonly allocated: Allocated | null;
}

export type LoadRoom = ReturnType<typeof loadRoom>;

const sumOf = ({ weights, cache, state, compute, outputs }: Allocation): number => weights + cache + state + compute + outputs;

/** What is free again when it is unloaded: of the computer's memory, then of each card's. Pages of a file count as free already. */
export const heldBy = (held: Allocated | null): number[] =>
  held === null ? [] : [sumOf(held.processor) - held.mappedBytes, ...held.cards.map(sumOf)];

interface LoadRoomOptions {
  readonly engines: Pick<Engines, 'inference'>;
  readonly memory: Pick<Memory, 'shapeOf' | 'cards' | 'record'>;
  /** Of this computer's memory. */
  readonly freeBytes?: () => Promise<number>;
}

/** Whether a model fits before it is loaded, and how well that was told. */
export function loadRoom({ engines, memory, freeBytes = availableBytes }: LoadRoomOptions) {
  return {
    /** Throws `memory.short` where a model does not fit; unless it is to be tried all the same. */
    check: async ({ model, load, adapters, held, force }: Asked, signal: AbortSignal): Promise<Seen> => {
      const shape = await memory.shapeOf(model);
      if (shape === null) return { shape, cardBytes: [], contextLength: load.contextLength };
      const { inference } = await engines.inference();
      const { gpu } = await inference.gpu({}, { signal });
      const cards = gpu === null ? [] : await memory.cards(signal);
      const [heldBytes = 0, ...heldOnCards] = heldBy(held);
      const cardBytes = cards.map((card, index) => card.freeBytes + (heldOnCards[index] ?? 0));
      if (force) return { shape, cardBytes, contextLength: load.contextLength };
      const room = { processorBytes: (await freeBytes()) + heldBytes, cardBytes };
      const adapterBytes = (await Promise.all(adapters.map(({ path }) => sizeOf(path)))).reduce((sum, bytes) => sum + bytes, 0);
      const plan = planLoad(shape, load, room, { adapterBytes });
      if (plan.status === 'short') {
        const needBytes = Math.round(plan.estimate.totalBytes);
        const missingBytes = Math.round(plan.missingBytes);
        throw new AppError('memory.short', { name: model.name, needBytes, missingBytes, contextLength: plan.contextLength });
      }
      return { shape, cardBytes, contextLength: plan.isShrunk ? plan.contextLength : load.contextLength };
    },
    record: ({ name }: LoadedFile, load: LoadSettings, { shape, cardBytes }: Seen, ready: Ready): void => {
      const { allocated, contextLength, gpuLayers, gpu } = ready;
      if (shape === null || allocated === null) return;
      const { cacheType, flashAttention } = load;
      const { totalBytes } = estimateShape(shape, {
        contextLength,
        keyType: cacheType,
        valueType: cacheType,
        flashAttention,
        gpuLayers,
        cards: gpu === null ? [] : cardBytes,
      });
      memory.record({
        kind: 'run',
        modelName: name,
        device: gpu ?? 'processor',
        settings: { contextLength, cacheType, flashAttention, ...(gpu === null ? {} : { gpuLayers }) },
        predictedBytes: totalBytes,
        measuredBytes: [allocated.processor, ...allocated.cards].reduce((sum, device) => sum + sumOf(device), 0),
      });
    },
  };
}

/** Of an adapter's file; of a folder nothing is known, and it is little. */
const sizeOf = async (path: string): Promise<number> => {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true ? found.size : 0;
};
