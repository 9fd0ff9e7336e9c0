import { cacheCells } from './cache.ts';
import type { EngineSettings } from './settings.ts';
import type { LayerShape, ModelShape } from './shape.ts';

/** Everything that is computed is F32. */
const FLOAT = 4;

/** Bytes of intermediate results at the worst moment of a step: in attention, in the feed-forward network, or at the output. */
export function computeBytes(shape: ModelShape, settings: EngineSettings): number {
  const { embeddingLength, vocabularySize, layers } = shape;
  const tokens = settings.batchLength;
  const longest = settings.contextLength;
  // Which tokens see which: one mask for all layers, a second one for those with a window.
  const mask = tokens * longest * (settings.flashAttention ? 2 : FLOAT) * (layers.some(isWindowed) && layers.some(isWhole) ? 2 : 1);
  const busiest = layers.reduce((most, layer) => Math.max(most, layerFloats(layer, embeddingLength, settings)), 0);
  return mask + FLOAT * tokens * Math.max(busiest, vocabularySize + embeddingLength);
}

const isWindowed = ({ memory }: LayerShape): boolean => memory.kind === 'attention' && memory.window !== null;
const isWhole = (layer: LayerShape): boolean => !isWindowed(layer);

/** Numbers that live at the same time for each token of the step. */
function layerFloats({ memory, feedForward }: LayerShape, embeddingLength: number, settings: EngineSettings): number {
  return Math.max(attentionFloats(memory, embeddingLength, settings), feedForwardFloats(feedForward) + 2 * embeddingLength);
}

function attentionFloats(memory: LayerShape['memory'], embeddingLength: number, settings: EngineSettings): number {
  if (memory.kind === 'none') return 0;
  if (memory.kind === 'recurrent') return 2 * embeddingLength + 3 * memory.innerLength;
  const heads = memory.headCount * (memory.keyLength + memory.valueLength);
  const cells = memory.kind === 'attention' ? cacheCells(memory.window, settings) : settings.contextLength;
  const scores = settings.flashAttention ? 0 : memory.headCount * cells;
  return embeddingLength + heads + scores;
}

function feedForwardFloats(feedForward: LayerShape['feedForward']): number {
  if (feedForward.kind === 'none') return 0;
  if (feedForward.kind === 'experts') return 2 * feedForward.length * feedForward.usedCount;
  return (feedForward.kind === 'gated' ? 3 : 2) * feedForward.length;
}
