import { getLlama, LlamaLogLevel, type GgmlType, type Llama } from 'node-llama-cpp';
import { MiB } from '#core/bytes.ts';
import { ggmlTypes } from '#core/gguf/types.ts';
import type { CacheType } from '#core/memory/cache-types.ts';

/** Bytes of each part. llama.cpp tells two decimals of a MiB. */
export interface Allocations {
  readonly weights: number;
  readonly cache: number;
  readonly state: number;
  readonly compute: number;
  readonly outputs: number;
}

/** What llama.cpp says it has allocated: in the computer's memory, and in the graphics cards' in their order. */
export interface DeviceAllocations {
  readonly processor: Allocations;
  readonly cards: readonly Allocations[];
}

export interface Measured {
  readonly contextLength: number;
  readonly sequences?: number;
  readonly flashAttention?: boolean;
  readonly keyType?: CacheType;
  readonly valueType?: CacheType;
}

/** A line of the log: "sched_reserve:    Vulkan0 compute buffer size =   12.34 MiB". The end of a context tells four decimals. */
const line = /(\S+)\s+(model|KV|RS|compute|output) buffer size (?:=|is|of)\s+([\d.]+) MiB/;
const kinds = { model: 'weights', KV: 'cache', RS: 'state', compute: 'compute', output: 'outputs' } as const;

type Totals = { -readonly [K in keyof Allocations]: number };
const nothing = (): Totals => ({ weights: 0, cache: 0, state: 0, compute: 0, outputs: 0 });

export interface Allocator {
  /** Load a model and make a context for each setting; what llama.cpp allocated for each. */
  measure(modelPath: string, settings: readonly Measured[], gpuLayers?: number): Promise<DeviceAllocations[]>;
}

/** llama.cpp as Lathe's engine runs it, and listened to. */
export async function openAllocator(gpu: 'vulkan' | false = false): Promise<Allocator> {
  const weights = new Map<number, Totals>();
  const context = new Map<number, Totals>();
  const endings = new Map<number, number>();
  const at = (totals: Map<number, Totals>, device: number): Totals => {
    const found = totals.get(device) ?? nothing();
    totals.set(device, found);
    return found;
  };
  const llama: Llama = await getLlama({
    gpu,
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: LlamaLogLevel.debug,
    logger: (_, message) => {
      const [, name, kind, size] = line.exec(message) ?? [];
      if (name === undefined || kind === undefined || size === undefined) return;
      // "CPU", "CPU_REPACK", "Vulkan_Host" are the computer's memory, "Vulkan0" the first card's.
      const device = /^(?!CPU)[A-Za-z]+(\d+)$/.exec(name)?.[1];
      const index = device === undefined ? -1 : Number(device);
      const bytes = Number(size) * MiB;
      if (message.includes('expectation')) endings.set(index, bytes);
      else at(kind === 'model' ? weights : context, index)[kinds[kind as keyof typeof kinds]] += bytes;
    },
  });
  const typeOf = (type: CacheType): GgmlType => ggmlTypes[type].id;
  return {
    measure: async (modelPath, settings, gpuLayers = 0) => {
      weights.clear();
      const model = await llama.loadModel({ modelPath, gpuLayers, useMmap: false, ignoreMemorySafetyChecks: true });
      await settled(() => weights.size);
      const found: DeviceAllocations[] = [];
      for (const { contextLength, sequences = 1, flashAttention = true, keyType = 'F16', valueType = 'F16' } of settings) {
        context.clear();
        endings.clear();
        const made = await model.createContext({
          contextSize: contextLength,
          sequences,
          flashAttention,
          experimentalKvCacheKeyType: typeOf(keyType),
          experimentalKvCacheValueType: typeOf(valueType),
          ignoreMemorySafetyChecks: true,
          failedCreationRemedy: false,
        });
        await made.dispose();
        await settled(() => endings.size);
        const of = (device: number): Allocations => ({
          ...(context.get(device) ?? nothing()),
          weights: weights.get(device)?.weights ?? 0,
          compute: endings.get(device) ?? 0,
        });
        const cards = Math.max(0, ...[...weights.keys(), ...endings.keys()].map((device) => device + 1));
        found.push({ processor: of(-1), cards: Array.from({ length: cards }, (_, card) => of(card)) });
      }
      await model.dispose();
      return found;
    },
  };
}

/** The log comes from another thread, a little later. */
async function settled(lines: () => number): Promise<void> {
  const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  for (let tries = 0; tries < 200 && lines() === 0; tries += 1) await wait(5);
  await wait(20);
}
