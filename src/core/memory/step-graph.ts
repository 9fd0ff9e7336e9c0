import { Graph } from './graph.ts';
import { PROCESSOR, type Placement } from './placement.ts';
import type { EngineSettings } from './settings.ts';
import type { FeedForward, LayerShape, Memory, ModelShape } from './shape.ts';
import { buildAttention } from './step-attention.ts';
import { buildFeedForward } from './step-feed-forward.ts';
import { buildLatent } from './step-latent.ts';
import { buildRecurrent } from './step-recurrent.ts';
import { norm, type Step } from './step.ts';
import type { Tensor } from './tensor.ts';

/**
 * The graph of the largest step, as llama.cpp builds it for its reservation (`graph_reserve` in llama-context.cpp; layers
 * in src/models and llama-graph.cpp): a full batch, of which every token's output is wanted, over a full cache. What
 * changes no size is left out: biases, scales, caps and the norms behind a matrix all overwrite their input.
 */
export function stepGraph(shape: ModelShape, settings: EngineSettings, { layers, output }: StepLayers): Graph {
  const graph = new Graph();
  const tokens = stepTokens(settings);
  const step: Step = {
    graph,
    shape,
    settings,
    tokens,
    positions: graph.input('I32', tokens),
    masks: new Map(),
    isRotated: true,
    state: null,
  };
  const wanted = graph.input('I32', tokens);
  const processor = settings.cards.length;
  const deviceOf = (device: number | undefined): number => (device === undefined || device === PROCESSOR ? processor : device);
  graph.device = processor;
  let stream = buildInput(step);
  graph.compute(stream);
  for (const [index, { layer, device, isRotated }] of layers.entries()) {
    graph.device = deviceOf(device);
    step.isRotated = isRotated;
    graph.bytesPerWeight = bytesPerWeight(shape, layer);
    stream = buildLayer(step, layer, stream, index === layers.length - 1 ? wanted : null);
  }
  graph.device = deviceOf(output);
  // Without the norm before it.
  const matrixBytes = Math.max(0, shape.outputBytes + shape.tiedBytes - 4 * shape.embeddingLength);
  graph.bytesPerWeight = matrixBytes / (shape.vocabularySize * shape.embeddingLength);
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
  const rows = (places: Tensor): Tensor => graph.result('GET_ROWS', [width, tokens], graph.matrix(width), places);
  const read = rows(graph.input('I32', tokens));
  const stream = shape.traits.scaledEmbeddings ? graph.change('SCALE', read) : read;
  graph.compute(stream);
  graph.compute(graph.input('F32', width, tokens));
  if (shape.traits.positions !== 'absolute') return stream;
  return graph.change('ADD', stream, rows(positions));
}

/** Bytes of each number of a layer's matrices, which may be of several types: their mean. */
function bytesPerWeight({ embeddingLength: width }: ModelShape, { memory, feedForward, weightBytes }: LayerShape): number {
  const { numbers, vectorBytes } = matricesOf(memory, width);
  const ofFeedForward =
    feedForward.kind === 'experts'
      ? 3 * width * (feedForward.length * feedForward.expertCount + feedForward.sharedLength)
      : feedForward.kind === 'none'
        ? 0
        : (feedForward.kind === 'gated' ? 3 : 2) * width * feedForward.length;
  return Math.max(0, weightBytes - vectorBytes - 4 * width) / Math.max(1, numbers + ofFeedForward);
}

/** How many numbers the matrices have that mix tokens, and the bytes of what lies beside them in F32. */
function matricesOf(memory: Memory, width: number): { readonly numbers: number; readonly vectorBytes: number } {
  switch (memory.kind) {
    case 'attention': {
      const { headCount, headCountKv, keyLength, valueLength } = memory;
      return { numbers: width * (headCount + headCountKv) * (keyLength + valueLength), vectorBytes: 4 * width };
    }
    case 'recurrent': {
      const { family, innerLength: inner, convolutionChannels: channels, convolutionLength, stateLength, stepRank } = memory;
      const filters = convolutionLength + 2 * channels;
      if (family === 'mamba')
        return {
          numbers: inner * (3 * width + 2 * stepRank + (2 * stateLength) / inner),
          vectorBytes: 4 * (filters + stateLength + 2 * inner),
        };
      return { numbers: width * (2 * inner + channels + stepRank), vectorBytes: 4 * (filters + inner + 3 * stepRank) };
    }
    case 'latent':
      return { numbers: 4 * width ** 2, vectorBytes: 0 };
    case 'none':
      return { numbers: 0, vectorBytes: 0 };
  }
}

/** Tokens of the largest step: whole ones for each sequence. */
const stepTokens = ({ batchLength, contextLength, sequences }: EngineSettings): number =>
  Math.ceil(Math.min(batchLength, contextLength * sequences) / sequences) * sequences;

/**
 * How often a layer behind the same kind of layer is gone through, until the buffers grow no more: measured. Where cards compute what
 * the processor keeps, copies take turns with results; where the processor takes part in every layer, that settles last.
 */
const REPEATS = { processor: 2, cards: 1, both: 3 } as const;

/** What tells layers apart, found once for each: it is asked for in every estimate. */
const layerKinds = new WeakMap<LayerShape, string>();

function layerKind(layer: LayerShape): string {
  const known = layerKinds.get(layer);
  if (known !== undefined) return known;
  const kind = `${memoryKind(layer.memory)} ${feedForwardKind(layer.feedForward)}`;
  layerKinds.set(layer, kind);
  return kind;
}

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

interface Representative {
  readonly layer: LayerShape;
  /** What tells it apart from others; with its device. */
  readonly own: string;
  readonly kind: string;
  readonly device: number | undefined;
  readonly isRotated: boolean;
}

/** Layers that a step is made of, and where the output is computed. */
export interface StepLayers {
  readonly layers: readonly Representative[];
  readonly output: number;
}

/** Layers that stand for all: few enough to be quick, in the order of the model, with its last one. */
export function stepLayers({ layers, traits }: ModelShape, placement: Placement, hasCards: boolean): StepLayers {
  const kinds = new Map<string, number>();
  let before = '';
  const isScanned = layers.some(({ memory }) => memory.kind === 'recurrent');
  const repeats = REPEATS[hasCards ? (isScanned ? 'both' : 'cards') : 'processor'];
  const { positions, unrotatedPeriod } = traits;
  const chosen: Representative[] = [];
  let last: Representative | undefined;
  let run = 0;
  for (const [index, layer] of layers.entries()) {
    const device = placement.layers[index];
    const isRotated = positions === 'rotary' && (unrotatedPeriod === 0 || (index + 1) % unrotatedPeriod !== 0);
    const own = layerKind(layer);
    const isSame = last !== undefined && device === last.device && isRotated === last.isRotated && own === last.own;
    run = isSame ? run + 1 : 0;
    // Most layers are like those before them: nothing more is asked of these.
    if (run > repeats && index < layers.length - 1) continue;
    const kind = `${own} ${device} ${isRotated}`;
    last = { layer, own, kind, device, isRotated };
    const pair = `${before} ${kind}`;
    before = kind;
    const times = kinds.get(pair) ?? 0;
    kinds.set(pair, times + 1);
    if (times < repeats || index === layers.length - 1) chosen.push(last);
  }
  return { layers: chosen, output: placement.output };
}

function buildLayer(step: Step, layer: LayerShape, stream: Tensor, wanted: Tensor | null): Tensor {
  const { graph, shape } = step;
  const width = shape.embeddingLength;
  const normed = norm(step, stream);
  const post = (result: Tensor): Tensor => (shape.traits.postNorms ? norm(step, result) : result);
  const { streamFirst } = shape.traits;
  const add = (result: Tensor, to: Tensor, isStreamFirst: boolean): Tensor =>
    isStreamFirst ? graph.change('ADD', to, result) : graph.change('ADD', result, to);
  let mixed = buildMemory(step, layer.memory, normed);
  let passed = stream;
  if (wanted !== null) {
    mixed = graph.result('GET_ROWS', [width, step.tokens], mixed, wanted);
    passed = graph.result('GET_ROWS', [width, step.tokens], passed, wanted);
  }
  if (layer.feedForward.kind === 'none') return add(mixed, passed, streamFirst === 'all');
  if (shape.traits.parallelFeedForward) {
    const read = wanted === null ? normed : graph.result('GET_ROWS', [width, step.tokens], normed, wanted);
    const fed = buildFeedForward(step, layer.feedForward, read);
    return graph.change('ADD', graph.change('ADD', fed, mixed), passed);
  }
  const sum = add(post(mixed), passed, streamFirst === 'all');
  return add(post(buildFeedForward(step, layer.feedForward, norm(step, sum))), sum, streamFirst !== 'none');
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
