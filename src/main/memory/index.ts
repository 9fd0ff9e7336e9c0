import { setTimeout as delay } from 'node:timers/promises';
import type { ModelShape } from '#core/memory/shape.ts';
import type { AppHandlers } from '#contract/index.ts';
import type { Model } from '#contract/library.ts';
import type { LiveCard, MemoryMeasurement } from '#contract/memory.ts';
import { listeners, streamOf } from '../changes.ts';
import type { ChangeFeed } from '../db/feed.ts';
import type { MemoryRepository } from '../db/memory.ts';
import type { Engines } from '../engines/index.ts';
import { newId } from '../ids.ts';
import type { Library } from '../library/index.ts';
import type { Log } from '../log.ts';

export interface MemoryOptions {
  readonly engines: Pick<Engines, 'inference' | 'benchmark'>;
  readonly library: Pick<Library, 'usable'>;
  readonly repository: MemoryRepository;
  readonly feed: ChangeFeed;
  readonly log: Log;
  readonly clock: () => number;
}

/** As often as what the computer's own memory holds is told. */
const CARDS_EVERY_MS = 2000;
/** The longest that a timer can wait. */
const FOREVER_MS = 2 ** 31 - 1;
/** Shapes that are kept: a header of a large vocabulary takes a part of a second to read. */
const MOST_SHAPES = 32;
/** Less than this is other programs at work. */
const TOLD_CHANGE_BYTES = 16 * 1024 ** 2;

export type Memory = ReturnType<typeof createMemory>;

/** What models take, what there is, and how well the one was told from the other. */
export function createMemory({ engines, library, repository, feed, log, clock }: MemoryOptions) {
  const shapes = new Map<string, ModelShape>();
  const changes = listeners<MemoryMeasurement>();
  const leaveFeed = feed.subscribe('memory', (id) => {
    const measurement = repository.get(id);
    if (measurement !== undefined) changes.emit(measurement);
  });

  /** From the header of a GGUF file; null of all else. Throws `gguf.*`, `disk.*`. */
  const shapeOf = async ({ id, path, kind, sizeBytes }: Pick<Model, 'id' | 'path' | 'kind' | 'sizeBytes'>): Promise<ModelShape | null> => {
    if (kind !== 'gguf') return null;
    const key = `${id} ${sizeBytes} ${path}`;
    const known = shapes.get(key);
    if (known !== undefined) return known;
    const { inference } = await engines.inference();
    const { shape } = await inference.shape({ modelPath: path });
    const [oldest] = shapes.keys();
    if (shapes.size >= MOST_SHAPES && oldest !== undefined) shapes.delete(oldest);
    shapes.set(key, shape);
    return shape;
  };

  /** A computer without cards gets none while it runs. */
  let hasNone = false;
  const cards = async (signal?: AbortSignal): Promise<LiveCard[]> => {
    if (hasNone) return [];
    const { benchmark } = await engines.benchmark();
    const found = (await benchmark.cards({}, signal === undefined ? {} : { signal })).cards;
    hasNone = found.length === 0;
    return found;
  };

  const handlers: AppHandlers['memory'] = {
    shape: async ({ modelId }) => ({ shape: await shapeOf(await library.usable(modelId)) }),
    cards: async function* (_, { signal }) {
      let told: readonly LiveCard[] | undefined;
      while (!signal.aborted) {
        const found = await cards(signal);
        if (told === undefined || isOther(told, found)) yield { cards: found };
        told = found;
        await delay(hasNone ? FOREVER_MS : CARDS_EVERY_MS, undefined, { signal, ref: false }).catch(() => undefined);
      }
    },
    measurements: () => ({ measurements: repository.list() }),
    measured: (_, { signal }) => streamOf<MemoryMeasurement>(changes.add, { signal, key: ({ id }) => id }),
  };

  return {
    handlers,
    shapeOf,
    cards,
    /** Keep what work took beside what was predicted. It is never the work that fails for it. */
    record: (measurement: Omit<MemoryMeasurement, 'id' | 'timeMs'>): void => {
      try {
        const whole = { predictedBytes: Math.round(measurement.predictedBytes), measuredBytes: Math.round(measurement.measuredBytes) };
        repository.add({ ...measurement, ...whole, id: newId(), timeMs: clock() });
      } catch (error) {
        log.write('warn', 'memory', `a measurement could not be kept: ${String(error)}`);
      }
    },
    close: leaveFeed,
  };
}

const isOther = (before: readonly LiveCard[], now: readonly LiveCard[]): boolean =>
  before.length !== now.length ||
  now.some(({ freeBytes }, index) => Math.abs(freeBytes - (before[index]?.freeBytes ?? 0)) > TOLD_CHANGE_BYTES);
