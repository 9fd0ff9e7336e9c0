import type { LayerShape, ModelShape } from './shape.ts';

/** The matrices that LoRA can be put beside. */
export type TargetModule = 'q' | 'k' | 'v' | 'o' | 'gate' | 'up' | 'down';

interface Matrix {
  readonly inputs: number;
  readonly outputs: number;
  /** Experts have one each. */
  readonly count: number;
}

/** A layer's matrices by name. What keeps no keys has none of these. */
function matricesOf({ memory, feedForward }: LayerShape, width: number): Partial<Record<TargetModule, Matrix>> {
  const matrix = (inputs: number, outputs: number, count = 1): Matrix => ({ inputs, outputs, count });
  const attention =
    memory.kind === 'attention'
      ? {
          q: matrix(width, memory.headCount * memory.keyLength),
          k: matrix(width, memory.headCountKv * memory.keyLength),
          v: matrix(width, memory.headCountKv * memory.valueLength),
          o: matrix(memory.headCount * memory.valueLength, width),
        }
      : memory.kind === 'latent'
        ? { q: matrix(width, memory.headCount * memory.keyLength), o: matrix(memory.headCount * memory.valueLength, width) }
        : memory.kind === 'recurrent'
          ? { q: matrix(width, 2 * memory.innerLength), o: matrix(memory.innerLength, width) }
          : {};
  if (feedForward.kind === 'none') return attention;
  const count = feedForward.kind === 'experts' ? feedForward.expertCount : 1;
  const up = matrix(width, feedForward.length, count);
  return { ...attention, ...(feedForward.kind === 'plain' ? {} : { gate: up }), up, down: matrix(feedForward.length, width, count) };
}

/** Weights of the matrices and norms, of the embedding and of an output matrix of its own. */
export function parameterCount(shape: ModelShape): number {
  const width = shape.embeddingLength;
  const ofLayers = shape.layers.reduce((sum, layer) => {
    const matrices = Object.values(matricesOf(layer, width)).reduce((all, { inputs, outputs, count }) => all + inputs * outputs * count, 0);
    return sum + matrices + 2 * width + extras(layer, width);
  }, 0);
  const embedding = width * shape.vocabularySize;
  return ofLayers + width + embedding * (shape.tiedBytes > 0 ? 1 : 2);
}

/** How much of a layer's weights its experts are: 0 for a dense one. */
export function expertShare(layer: LayerShape, width: number): number {
  if (layer.feedForward.kind !== 'experts') return 0;
  let experts = 0;
  let all = extras(layer, width);
  for (const [name, { inputs, outputs, count }] of Object.entries(matricesOf(layer, width))) {
    all += inputs * outputs * count;
    if (name === 'gate' || name === 'up' || name === 'down') experts += inputs * outputs * count;
  }
  return experts / Math.max(1, all);
}

/** What is no target of LoRA: compressed keys and queries, the router and the shared expert. */
function extras({ memory, feedForward }: LayerShape, width: number): number {
  const latent =
    memory.kind === 'latent'
      ? width * (memory.latentLength + memory.positionLength) +
        memory.latentLength * memory.headCount * (memory.keyLength - memory.positionLength + memory.valueLength)
      : 0;
  const router = feedForward.kind === 'experts' ? width * feedForward.expertCount + 3 * width * feedForward.sharedLength : 0;
  return latent + router;
}

/** Trained weights of LoRA: r × (inputs + outputs) for each matrix. */
export function adapterParameters(shape: ModelShape, rank: number, targets: readonly TargetModule[]): number {
  return shape.layers.reduce((sum, layer) => {
    const matrices = matricesOf(layer, shape.embeddingLength);
    return targets.reduce((all, target) => {
      const matrix = matrices[target];
      return matrix === undefined ? all : all + rank * (matrix.inputs + matrix.outputs) * matrix.count;
    }, sum);
  }, 0);
}
