import type { ModelShape } from './shape.ts';

/** Where each part of a model lies: -1 with the processor, else the number of the card. */
export interface Placement {
  readonly layers: readonly number[];
  readonly output: number;
}

export const PROCESSOR = -1;

/**
 * Which layers go where, as llama.cpp splits them (`load_tensors` in llama-model.cpp): the last `gpuLayers` of all layers, the
 * output counting as one behind them, in the order of the cards, each as many as its share of the whole. The token
 * embedding always stays with the processor.
 * @param shares one for each card; llama.cpp takes the free memory
 */
export function placeLayers(layerCount: number, gpuLayers: number, shares: readonly number[]): Placement {
  const usable = shares.map((share) => (Number.isFinite(share) && share > 0 ? share : 0));
  const sum = usable.reduce((total, share) => total + share, 0);
  const even = sum === 0;
  const all = even ? shares.length : sum;
  let before = 0;
  const ends = usable.map((share) => {
    before += even ? 1 : share;
    return Math.fround(before / all);
  });
  const first = Math.max(layerCount + 1 - gpuLayers, 0);
  const moved = shares.length === 0 ? 0 : Math.min(gpuLayers, layerCount + 1);
  const deviceOf = (index: number): number => {
    if (index < first || index - first >= moved) return PROCESSOR;
    const at = Math.fround((index - first) / moved);
    const card = ends.findIndex((end) => end > at);
    return card === -1 ? shares.length - 1 : card;
  };
  return { layers: Array.from({ length: layerCount }, (_, index) => deviceOf(index)), output: deviceOf(layerCount) };
}

/** Bytes of weights on a device. A tied output matrix is copied to the card that computes the output. */
export function deviceWeightBytes(shape: ModelShape, placement: Placement, device: number): number {
  const layers = shape.layers.reduce((sum, layer, index) => sum + (placement.layers[index] === device ? layer.weightBytes : 0), 0);
  const input = device === PROCESSOR ? shape.inputBytes : 0;
  const copy = device === PROCESSOR ? 0 : shape.tiedBytes;
  return layers + input + (placement.output === device ? shape.outputBytes + copy : 0);
}
