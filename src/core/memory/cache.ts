import { alignUp } from '../gguf/types.ts';
import { rowBytes } from './cache-types.ts';
import type { EngineSettings } from './settings.ts';
import type { Memory } from './shape.ts';

/** Caches of layers with a sliding window are a multiple of this (llama-kv-cache-iswa.cpp). */
const WINDOW_STEP = 256;

/** Tokens that a layer's cache holds for each sequence. One with a window also needs room for the step that is computed. */
export function cacheCells(window: number | null, settings: EngineSettings): number {
  if (window === null || settings.fullWindowCache) return settings.contextLength;
  return Math.min(settings.contextLength, alignUp(Math.min(settings.contextLength, window + settings.batchLength), WINDOW_STEP));
}

/** Bytes that a layer keeps of the tokens before, for all sequences. */
export function layerCacheBytes(memory: Memory, settings: EngineSettings): number {
  const { sequences } = settings;
  switch (memory.kind) {
    case 'attention': {
      const cells = cacheCells(memory.window, settings);
      const key = rowBytes(settings.keyType, memory.keyLength * memory.headCountKv);
      const value = rowBytes(settings.valueType, memory.valueLength * memory.headCountKv);
      return (key + value) * cells * sequences;
    }
    case 'latent':
      // The values are a part of the keys: nothing else is kept.
      return rowBytes(settings.keyType, memory.latentLength + memory.positionLength) * settings.contextLength * sequences;
    case 'recurrent':
      return 4 * (memory.convolutionLength + memory.stateLength) * sequences;
    case 'none':
      return 0;
  }
}
