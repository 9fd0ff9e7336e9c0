import { GiB, MiB } from '#core/bytes.ts';
import { defaultLoad, type LoadSettings } from '#core/memory/load.ts';
import { AppError } from '#core/errors/index.ts';
import type { AppHandlers } from '#contract/index.ts';
import type { LiveCard, MemoryMeasurement } from '#contract/memory.ts';
import type { Scene } from './fake-handlers.ts';

const DAY_MS = 24 * 3600 * 1000;
const NOW_MS = Date.UTC(2026, 10, 20, 9, 30);

const run = (id: number, modelName: string, contextLength: number, bytes: number, error: number): MemoryMeasurement => ({
  id: `m${id}`,
  timeMs: NOW_MS - id * DAY_MS,
  kind: 'run',
  modelName,
  device: 'processor',
  settings: { contextLength, cacheType: 'F16', flashAttention: true },
  predictedBytes: Math.round(bytes * (1 + error)),
  measuredBytes: Math.round(bytes),
});

const measured: readonly MemoryMeasurement[] = [
  run(1, 'Qwen2.5-7B-Instruct Q4_K_M', 8192, 5.02 * GiB, 0.0002),
  run(2, 'SmolLM2-1.7B-Instruct Q8_0', 8192, 3.21 * GiB, -0.0001),
  run(3, 'Qwen2.5-7B-Instruct Q4_K_M', 4096, 4.79 * GiB, 0.0002),
  {
    id: 'm4',
    timeMs: NOW_MS - 4 * DAY_MS,
    kind: 'train',
    modelName: 'SmolLM2-1.7B-Instruct',
    device: 'processor',
    settings: { max_length: 1024, r: 16 },
    predictedBytes: Math.round(2.4 * GiB),
    measuredBytes: Math.round(2.52 * GiB),
  },
  {
    id: 'm5',
    timeMs: NOW_MS - 6 * DAY_MS,
    kind: 'quantize',
    modelName: 'SmolLM2-1.7B-Instruct',
    device: 'processor',
    settings: { target: 'Q4_K_M' },
    predictedBytes: 240 * MiB,
    measuredBytes: 221 * MiB,
  },
];

const CARD: LiveCard = { name: 'NVIDIA GeForce RTX 4070', backend: 'CUDA', totalBytes: 12 * GiB, freeBytes: 11_000 * MiB, unified: false };

/** A computer whose card is there while something runs, and loads that were measured unless nothing was ever loaded. */
export function fakeMemory(scene: Scene): AppHandlers['memory'] {
  const kept = scene === 'empty' ? [] : measured;
  return {
    shape: () => ({ shape: null }),
    cards: async function* (_, { signal }) {
      yield { cards: scene === 'running' ? [CARD] : [] };
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    },
    measurements: () => {
      if (scene === 'error') throw new AppError('db.busy', { path: '/home/mira/.lathe/lathe.db' });
      return { measurements: [...kept] };
    },
    measured: async function* (_, { signal }) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      yield* [];
    },
  };
}

/** The longest context that the stand-in has room for. */
const MOST_CONTEXT = 1_000_000;

/** What a page says of how models are loaded. */
export function fakeLoadSettings(): {
  /** What stands in the way of loading a model; null: nothing. */
  readonly short: (model: { readonly id: string; readonly name: string }) => AppError | null;
  readonly handlers: Pick<AppHandlers['chat'], 'loadSettings' | 'setLoadSettings'>;
} {
  const settingsOf = new Map<string, LoadSettings>();
  const saved = (modelId: string): LoadSettings => settingsOf.get(modelId) ?? defaultLoad;
  const handlers: Pick<AppHandlers['chat'], 'loadSettings' | 'setLoadSettings'> = {
    loadSettings: ({ modelId }) => saved(modelId),
    setLoadSettings: ({ modelId, settings }) => {
      if (settings === null) settingsOf.delete(modelId);
      else settingsOf.set(modelId, settings);
      return saved(modelId);
    },
  };
  const short = ({ id, name }: { readonly id: string; readonly name: string }): AppError | null => {
    const { contextLength } = saved(id);
    if (contextLength === null || contextLength <= MOST_CONTEXT) return null;
    return new AppError('memory.short', { name, needBytes: 61 * GiB, missingBytes: 40 * GiB, contextLength });
  };
  return { short, handlers };
}
