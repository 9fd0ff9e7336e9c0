import { Graph, type Tensor } from './graph.ts';
import type { EngineSettings } from './settings.ts';
import type { FeedForward, LayerShape, Memory, ModelShape } from './shape.ts';
import { buildAttention, cacheInputs } from './step-attention.ts';
import { buildFeedForward } from './step-feed-forward.ts';
import { buildLatent } from './step-latent.ts';
import { buildRecurrent } from './step-recurrent.ts';
import { norm, type Step } from './step.ts';

/** The part of a step that one device computes. */
export interface StepPart {
  readonly device: 'processor' | 'card';
  readonly layers: readonly LayerShape[];
  /** Of `layers`, the first ones whose weights and caches lie in the computer's memory, though a card computes them. */
  readonly elsewhere: number;
  readonly hasInput: boolean;
  readonly hasOutput: boolean;
  /** The output matrix lies in the computer's memory. */
  readonly outputElsewhere: boolean;
}

/**
 * The graph of the largest step, as llama.cpp builds it for its reservation (`graph_reserve` in llama-context.cpp; layers
 * in src/models and llama-graph.cpp): a full batch, of which every token's output is wanted, over a full cache. What
 * changes no size is left out: biases, scales, caps and the norms behind a matrix all overwrite their input.
 */
export function stepGraph(shape: ModelShape, settings: EngineSettings, part: StepPart): Graph {
  const graph = new Graph(part.device);
  const tokens = stepTokens(settings);
  const step: Step = { graph, shape, settings, tokens, positions: graph.input('I32', tokens), masks: new Map(), state: null };
  const wanted = graph.input('I32', tokens);
  let stream = part.hasInput ? buildInput(step) : graph.input('F32', shape.embeddingLength, tokens);
  graph.compute(stream);
  // What the processor sets for the cards, and they copy before they begin.
  if (part.device === 'card' || part.layers.length < shape.layers.length)
    for (const tensor of [step.positions, ...allCacheInputs(step), wanted]) graph.compute(tensor);
  const chosen = representatives(part);
  for (const [index, { layer, isElsewhere }] of chosen.entries()) {
    graph.elsewhere = isElsewhere ? bytesPerWeight(shape, layer) : null;
    stream = buildLayer(step, layer, stream, part.hasOutput && index === chosen.length - 1 ? wanted : null);
  }
  graph.elsewhere = part.outputElsewhere ? (shape.outputBytes + shape.tiedBytes) / (shape.vocabularySize * shape.embeddingLength) : null;
  if (!part.hasOutput) {
    graph.compute(stream);
    return graph;
  }
  const normed = norm(step, stream);
  normed.isOutput = true;
  const logits = graph.multiply(normed, shape.vocabularySize);
  logits.isOutput = true;
  graph.compute(logits);
  return graph;
}

/** The token embedding. Tokens or, for images, vectors: both inputs are there, whichever is used. */
function buildInput({ graph, shape, tokens, positions }: Step): Tensor {
  const width = shape.embeddingLength;
  const stream = graph.result([width, tokens], graph.stored(), graph.input('I32', tokens));
  graph.compute(stream);
  graph.compute(graph.input('F32', width, tokens));
  if (shape.traits.positions !== 'absolute') return stream;
  return graph.change(stream, graph.result([width, tokens], graph.stored(), positions));
}

/** Masks and places of all caches of the model. */
function allCacheInputs(step: Step): readonly Tensor[] {
  for (const { memory } of step.shape.layers) {
    if (memory.kind === 'attention') cacheInputs(step, memory.window, memory.headCountKv * memory.valueLength, memory.keyLength);
    if (memory.kind === 'latent') cacheInputs(step, null, memory.latentLength, 1);
  }
  return [...step.masks.values()].flatMap((inputs) => Object.values(inputs).filter((tensor) => tensor !== null));
}

/** Bytes of each of a layer's weights, which may be of several types: their mean. */
function bytesPerWeight({ embeddingLength: width }: ModelShape, { memory, feedForward, weightBytes }: LayerShape): number {
  const ofMemory =
    memory.kind === 'attention'
      ? width * (memory.headCount * (memory.keyLength + memory.valueLength) + memory.headCountKv * (memory.keyLength + memory.valueLength))
      : memory.kind === 'recurrent'
        ? 3 * width * memory.innerLength
        : 4 * width * width;
  const ofFeedForward =
    feedForward.kind === 'experts'
      ? 3 * width * (feedForward.length * feedForward.expertCount + feedForward.sharedLength)
      : feedForward.kind === 'none'
        ? 0
        : (feedForward.kind === 'gated' ? 3 : 2) * width * feedForward.length;
  return weightBytes / Math.max(1, ofMemory + ofFeedForward);
}

/** Tokens of the largest step: whole ones for each sequence. */
const stepTokens = ({ batchLength, contextLength, sequences }: EngineSettings): number =>
  Math.ceil(Math.min(batchLength, contextLength * sequences) / sequences) * sequences;

/** How often a layer behind the same kind of layer is gone through: from the second time on, the buffer grows no more. */
const REPEATS = 2;

/** What tells layers apart, in a text that is quickly made: this is done for every layer of every estimate. */
function memoryKind(memory: Memory): string {
  switch (memory.kind) {
    case 'attention':
      return `${memory.headCount} ${memory.headCountKv} ${memory.keyLength} ${memory.valueLength} ${memory.window}`;
    case 'latent':
      return `latent ${memory.headCount} ${memory.latentLength}`;
    case 'recurrent':
      return `recurrent ${memory.innerLength} ${memory.stateLength}`;
    case 'none':
      return 'none';
  }
}

function feedForwardKind(feedForward: FeedForward): string {
  if (feedForward.kind === 'none') return 'none';
  if (feedForward.kind !== 'experts') return `${feedForward.kind} ${feedForward.length}`;
  return `experts ${feedForward.length} ${feedForward.usedCount} ${feedForward.expertCount} ${feedForward.sharedLength}`;
}

/** Layers that stand for all: few enough to be quick, in the order of the model, with its last one. */
function representatives({ layers, elsewhere }: StepPart): readonly { readonly layer: LayerShape; readonly isElsewhere: boolean }[] {
  const kinds = new Map<string, number>();
  let before = '';
  const all = layers.map((layer, index) => ({ layer, isElsewhere: index < elsewhere }));
  return all.filter(({ layer, isElsewhere }, index) => {
    const kind = `${memoryKind(layer.memory)} ${feedForwardKind(layer.feedForward)} ${isElsewhere}`;
    const pair = `${before} ${kind}`;
    before = kind;
    const times = kinds.get(pair) ?? 0;
    kinds.set(pair, times + 1);
    return times < REPEATS || index === layers.length - 1;
  });
}

function buildLayer(step: Step, layer: LayerShape, stream: Tensor, wanted: Tensor | null): Tensor {
  const { graph, shape } = step;
  const width = shape.embeddingLength;
  const normed = norm(step, stream);
  let mixed = buildMemory(step, layer.memory, normed);
  let passed = stream;
  if (wanted !== null) {
    mixed = graph.result([width, step.tokens], mixed, wanted);
    passed = graph.result([width, step.tokens], passed, wanted);
  }
  if (layer.feedForward.kind === 'none') return graph.change(mixed, passed);
  if (shape.traits.parallelFeedForward) {
    const fed = buildFeedForward(step, layer.feedForward, wanted === null ? normed : graph.result([width, step.tokens], normed, wanted));
    return graph.change(graph.change(fed, mixed), passed);
  }
  const sum = graph.change(mixed, passed);
  return graph.change(buildFeedForward(step, layer.feedForward, norm(step, sum)), sum);
}

function buildMemory(step: Step, memory: Memory, source: Tensor): Tensor {
  switch (memory.kind) {
    case 'attention':
      return buildAttention(step, memory, source);
    case 'latent':
      return buildLatent(step, memory, source);
    case 'recurrent':
      return buildRecurrent(step, memory, source);
    case 'none':
      return source;
  }
}
