import { Graph, type Tensor } from './graph.ts';
import type { EngineSettings } from './settings.ts';
import type { LayerShape, Memory, ModelShape } from './shape.ts';
import { buildAttention } from './step-attention.ts';
import { buildFeedForward } from './step-feed-forward.ts';
import { buildLatent } from './step-latent.ts';
import { buildRecurrent } from './step-recurrent.ts';
import { norm, type Step } from './step.ts';

/**
 * The graph of the largest step, as llama.cpp builds it for its reservation (`graph_reserve` in llama-context.cpp; layers
 * in src/models and llama-graph.cpp): a full batch, of which every token's output is wanted, over a full cache. What
 * changes no size is left out: biases, scales, caps and the norms behind a matrix all overwrite their input.
 */
export function stepGraph(shape: ModelShape, settings: EngineSettings): Graph {
  const graph = new Graph();
  const tokens = stepTokens(settings);
  const width = shape.embeddingLength;
  const step: Step = { graph, shape, settings, tokens, positions: graph.input('I32', tokens), masks: new Map(), state: null };

  // Tokens or, for images, vectors: both inputs are there, whichever is used.
  let stream = graph.result([width, tokens], graph.stored(width), graph.input('I32', tokens));
  graph.compute(stream);
  graph.compute(graph.input('F32', width, tokens));
  if (shape.traits.positions === 'absolute')
    stream = graph.change(stream, graph.result([width, tokens], graph.stored(width), step.positions));
  const wanted = graph.input('I32', tokens);

  const layers = representatives(shape.layers);
  for (const [index, layer] of layers.entries()) stream = buildLayer(step, layer, stream, index === layers.length - 1 ? wanted : null);

  const normed = norm(step, stream);
  normed.isOutput = true;
  const logits = graph.multiply(graph.stored(width), normed, shape.vocabularySize);
  logits.isOutput = true;
  graph.compute(logits);
  return graph;
}

/** Tokens of the largest step: whole ones for each sequence. */
const stepTokens = ({ batchLength, contextLength, sequences }: EngineSettings): number =>
  Math.ceil(Math.min(batchLength, contextLength * sequences) / sequences) * sequences;

/** How often a layer behind the same kind of layer is gone through: from the second time on, the buffer grows no more. */
const REPEATS = 2;

/** Layers that stand for all: few enough to be quick, in the order of the model, with its last one. */
function representatives(layers: readonly LayerShape[]): readonly LayerShape[] {
  const kinds = new Map<string, number>();
  let before = '';
  return layers.filter((layer, index) => {
    const kind = JSON.stringify([layer.memory, layer.feedForward]);
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
