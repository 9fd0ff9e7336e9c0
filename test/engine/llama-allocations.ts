import { getLlama, LlamaLogLevel, type GgmlType, type Llama } from 'node-llama-cpp';
import { ggmlTypes } from '#core/gguf/types.ts';
import type { CacheType } from '#core/memory/cache-types.ts';
import { MiB } from '#core/bytes.ts';

/** What llama.cpp says it has allocated, in bytes; it tells two decimals of a MiB. */
export interface Allocations {
  readonly weights: number;
  readonly cache: number;
  readonly state: number;
  readonly compute: number;
  readonly outputs: number;
}

export interface Measured {
  readonly contextLength: number;
  readonly sequences?: number;
  readonly flashAttention?: boolean;
  readonly keyType?: CacheType;
  readonly valueType?: CacheType;
}

/** Lines of the log: "CPU model buffer size =   12.34 MiB". When a context ends, its compute buffer is told with four decimals. */
const line = /(model|KV|RS|compute|output) buffer size (?:=|is)\s+([\d.]+) MiB/;
const kinds = { model: 'weights', KV: 'cache', RS: 'state', compute: 'compute', output: 'outputs' } as const;

export interface Allocator {
  /** Load a model and make a context for each setting; what llama.cpp allocated for each. */
  measure(modelPath: string, settings: readonly Measured[]): Promise<Allocations[]>;
}

/** llama.cpp on the processor, as Lathe's engine runs it, and listened to. */
export async function openAllocator(): Promise<Allocator> {
  const totals = { weights: 0, cache: 0, state: 0, compute: 0, outputs: 0 };
  let precise: number | null = null;
  const llama: Llama = await getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: LlamaLogLevel.debug,
    logger: (_, message) => {
      const [, name, size] = line.exec(message) ?? [];
      if (name === undefined || size === undefined) return;
      const bytes = Number(size) * MiB;
      if (message.includes('expectation')) precise = bytes;
      else totals[kinds[name as keyof typeof kinds]] += bytes;
    },
  });
  const typeOf = (type: CacheType): GgmlType => ggmlTypes[type].id;
  return {
    measure: async (modelPath, settings) => {
      Object.assign(totals, { weights: 0 });
      const model = await llama.loadModel({ modelPath, gpuLayers: 0, useMmap: false, ignoreMemorySafetyChecks: true });
      const weights = await settled(() => totals.weights);
      const found: Allocations[] = [];
      for (const { contextLength, sequences = 1, flashAttention = true, keyType = 'F16', valueType = 'F16' } of settings) {
        Object.assign(totals, { cache: 0, state: 0, compute: 0, outputs: 0 });
        precise = null;
        const context = await model.createContext({
          contextSize: contextLength,
          sequences,
          flashAttention,
          experimentalKvCacheKeyType: typeOf(keyType),
          experimentalKvCacheValueType: typeOf(valueType),
          ignoreMemorySafetyChecks: true,
          failedCreationRemedy: false,
        });
        await context.dispose();
        const compute = await settled(() => precise ?? 0);
        found.push({ ...totals, weights, compute });
      }
      await model.dispose();
      return found;
    },
  };
}

/** The log comes from another thread, a little later. */
async function settled(value: () => number): Promise<number> {
  for (let tries = 0; tries < 200 && value() === 0; tries += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, 20));
  return value();
}
