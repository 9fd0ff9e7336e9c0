import { layerCacheBytes } from './cache.ts';
import { expertShare } from './matrices.ts';
import { placeLayers, PROCESSOR } from './placement.ts';
import type { EngineSettings } from './settings.ts';
import type { LayerShape, ModelShape } from './shape.ts';

/** Bytes a second of the processor's memory, then of each card's. */
export interface Bandwidths {
  readonly processor: number;
  readonly cards: readonly number[];
}

export interface Speed {
  readonly tokensPerSecond: number;
  readonly low: number;
  readonly high: number;
  /** Bytes that are read for each token, by device: the processor first. */
  readonly readBytes: readonly number[];
}

/**
 * How much of the bandwidth is reached when one token after the other is computed: llama.cpp's own benchmarks show 50 to 85 %
 * on cards, 55 to 85 % on processors.
 */
const REACHED = 0.65;
const REACHED_LOW = 0.45;
const REACHED_HIGH = 0.85;

/**
 * Tokens a second of an answer: every weight that takes part and the filled cache are read once for each token, so the
 * bandwidth decides. Undefined where a device that holds a part has no known bandwidth.
 * @param filled tokens that the cache holds
 */
export function expectedSpeed(
  shape: ModelShape,
  settings: EngineSettings,
  bandwidths: Bandwidths,
  filled = settings.contextLength / 2,
): Speed | undefined {
  const placement = placeLayers(shape.layers.length, settings.gpuLayers, settings.cards);
  const share = Math.min(1, Math.max(0, filled / settings.contextLength));
  const read = [PROCESSOR, ...settings.cards.keys()].map((device) => {
    const layers = shape.layers.reduce(
      (sum, layer, index) => (placement.layers[index] === device ? sum + readOf(layer, shape.embeddingLength, settings, share) : sum),
      0,
    );
    return layers + (placement.output === device ? shape.outputBytes + shape.tiedBytes : 0);
  });
  let seconds = 0;
  for (const [index, bytes] of read.entries()) {
    if (bytes === 0) continue;
    const bandwidth = index === 0 ? bandwidths.processor : bandwidths.cards[index - 1];
    if (bandwidth === undefined || !Number.isFinite(bandwidth) || bandwidth <= 0) return undefined;
    seconds += bytes / bandwidth;
  }
  if (seconds === 0) return undefined;
  return { tokensPerSecond: REACHED / seconds, low: REACHED_LOW / seconds, high: REACHED_HIGH / seconds, readBytes: read };
}

/** Of a mixture only the experts that were picked, and what is shared. */
function readOf(layer: LayerShape, width: number, settings: EngineSettings, share: number): number {
  const { feedForward, memory, weightBytes } = layer;
  const cache = layerCacheBytes(memory, settings) / settings.sequences;
  const kept = memory.kind === 'recurrent' ? cache : share * cache;
  if (feedForward.kind !== 'experts') return weightBytes + kept;
  const resting = expertShare(layer, width) * (1 - feedForward.usedCount / feedForward.expertCount);
  return weightBytes * (1 - resting) + kept;
}
