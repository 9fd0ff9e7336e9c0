import type { Graph, Tensor } from './graph.ts';
import type { EngineSettings } from './settings.ts';
import type { ModelShape } from './shape.ts';

/** A step's graph while it is built. */
export interface Step {
  readonly graph: Graph;
  readonly shape: ModelShape;
  readonly settings: EngineSettings;
  readonly tokens: number;
  readonly positions: Tensor;
  /** What is shared by all layers with the same number of cached tokens. */
  readonly masks: Map<string, CacheInputs>;
  /** Which sequence each state belongs to. */
  state: Tensor | null;
}

/** Which place each token has in the cache, which cached ones it sees, and the rotations of a quantized cache. */
export interface CacheInputs {
  readonly keyPlaces: Tensor;
  readonly valuePlaces: Tensor;
  readonly mask: Tensor;
  readonly keyRotation: Tensor | null;
  readonly valueRotation: Tensor | null;
}

/** A norm and its weights. */
export function norm({ graph, shape }: Step, source: Tensor): Tensor {
  const normed = shape.traits.layerNorms ? graph.result(source.sizes, source) : graph.change(source);
  return graph.change(normed, graph.stored());
}
