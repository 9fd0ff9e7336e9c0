import { z } from 'zod';
import { cacheTypes } from '#core/memory/cache-types.ts';
import { MEASURED_KINDS } from '#core/memory/measured.ts';
import type { ModelShape } from '#core/memory/shape.ts';
import { call, stream } from './define.ts';
import { count, id, none, sizeBytes, timeMs } from './shared.ts';

/** How a model is loaded to be talked to; null: Lathe chooses. */
export const loadSettings = z.object({
  contextLength: z.int().min(8).nullable(),
  /** Layers on the cards, the output counting as one. */
  gpuLayers: count.nullable(),
  /** Of keys and values. */
  cacheType: z.enum(cacheTypes),
  flashAttention: z.boolean(),
});

/** What `shapeFromGguf` makes of a header: made and read by Lathe alone, and of data only. */
export const modelShape = z.custom<ModelShape>(
  (value) => typeof value === 'object' && value !== null && 'layers' in value && Array.isArray(value.layers),
  'not the shape of a model',
);

/** A graphics card of this computer, now. */
export const liveCard = z.object({
  /** As its driver calls it. */
  name: z.string(),
  /** The library that computes on it, such as `Vulkan`. */
  backend: z.string(),
  totalBytes: sizeBytes,
  freeBytes: sizeBytes,
  /** It shares the processor's memory. */
  unified: z.boolean(),
});
export type LiveCard = z.output<typeof liveCard>;

/** What llama.cpp says it has allocated on one device. */
export const allocation = z.object({ weights: sizeBytes, cache: sizeBytes, state: sizeBytes, compute: sizeBytes, outputs: sizeBytes });
export type Allocation = z.output<typeof allocation>;
export const allocated = z.object({
  processor: allocation,
  cards: z.array(allocation),
  /** Of the processor's weights: pages of the file, which the system can take back. */
  mappedBytes: sizeBytes,
});
export type Allocated = z.output<typeof allocated>;

/** A prediction, and what the work then took. */
export const memoryMeasurement = z.object({
  id,
  timeMs,
  kind: z.enum(MEASURED_KINDS),
  modelName: z.string(),
  /** `processor`, or the library of the cards that held layers. */
  device: z.string(),
  /** How it was run, as far as memory depends on it. */
  settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  predictedBytes: sizeBytes,
  measuredBytes: sizeBytes,
});
export type MemoryMeasurement = z.output<typeof memoryMeasurement>;

export const memory = {
  /** A model's shape, layer by layer, from its header; null where it has none: a folder's is reckoned from the library's facts. */
  shape: call(z.object({ modelId: id }), z.object({ shape: modelShape.nullable() })),
  /** This computer's graphics cards, and again whenever what is free on them has changed. */
  cards: stream(none, z.object({ cards: z.array(liveCard) })),
  /** Of this computer, newest first. */
  measurements: call(none, z.object({ measurements: z.array(memoryMeasurement) })),
  /** Each new one. */
  measured: stream(none, memoryMeasurement),
};
