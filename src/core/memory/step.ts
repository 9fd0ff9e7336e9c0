import type { Graph } from './graph.ts';
import type { Tensor } from './tensor.ts';
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
  /** Whether the layer that is being built rotates its queries and keys. */
  isRotated: boolean;
  /** Which state belongs to each sequence of the step, and to the others. */
  state: { readonly own: Tensor; readonly others: Tensor } | null;
}

/** Which place each token has in the cache, which cached ones it sees, and the rotations of a quantized cache. */
export interface CacheInputs {
  readonly keyPlaces: Tensor;
  readonly valuePlaces: Tensor;
  readonly mask: Tensor;
  readonly keyRotation: Tensor | null;
  readonly valueRotation: Tensor | null;
}

/** What is added to a matrix's product or a norm, where the family has it. */
export const biased = ({ graph, shape }: Step, source: Tensor, kind: 'projections' | 'all'): Tensor =>
  shape.traits.biases === 'all' || shape.traits.biases === kind ? graph.change('ADD', source, graph.vector(source.sizes[0])) : source;

/** A norm and its weights. */
export function norm(step: Step, source: Tensor): Tensor {
  const { graph, shape } = step;
  const normed = graph.change(shape.traits.layerNorms ? 'NORM' : 'RMS_NORM', source);
  const weighed = graph.change('MUL', normed, graph.vector(source.sizes[0]));
  return shape.traits.layerNorms ? biased(step, weighed, 'all') : weighed;
}
