import type { Memory } from './shape.ts';
import { norm, type Step } from './step.ts';
import type { Tensor } from './tensor.ts';

type Recurrent = Extract<Memory, { kind: 'recurrent' }>;

/** States of Mamba 2 whose scans graphics cards know (`supports_op` of Vulkan and CUDA), with heads of a multiple of 16. */
const CARD_STATES: ReadonlySet<number> = new Set([128, 256]);

/** A selective scan: Mamba's, or Mamba 2's with heads (src/models/mamba-base.cpp). Other recurrences are taken for the latter. */
export function buildRecurrent(step: Step, memory: Recurrent, source: Tensor): Tensor {
  const { graph, shape, tokens, settings } = step;
  const { innerLength: inner, convolutionLength, convolutionChannels: channels, stateLength, stepRank } = memory;
  const { sequences } = settings;
  const perSequence = tokens / sequences;
  const state = stateLength / inner;
  const isFirst = memory.family === 'mamba';

  const convolution = graph.cache(4 * convolutionLength * sequences);
  const last = readState(step, convolution, (states, own) => graph.result('GET_ROWS', [convolutionLength, sequences], states, own));
  const rows = isFirst ? 2 * inner : inner + channels + stepRank;
  // Mamba 2 multiplies all sequences as one.
  const all = isFirst
    ? graph.multiply(graph.reshape(source, shape.embeddingLength, perSequence, sequences), rows)
    : graph.reshape(graph.multiply(source, rows), rows, perSequence, sequences);
  const kept = convolutionLength / channels;
  const series = graph.result(
    'CONCAT',
    [kept + perSequence, channels, sequences],
    graph.reshape(last, kept, channels, sequences),
    graph.part(graph.slice(all, channels, channels, perSequence, sequences), perSequence, channels, sequences),
  );
  graph.compute(graph.store('CPY', graph.slice(series, kept, kept, channels, sequences), graph.view(convolution)));
  const filtered = graph.result('SSM_CONV', [channels, perSequence, sequences], series, graph.vector((kept + 1) * channels));
  const smooth = graph.change('UNARY', graph.change('ADD', filtered, graph.vector(channels)));

  const { pace, steering, channelsIn } = isFirst
    ? steeringOfMamba(step, { smooth, inner, state, stepRank, perSequence })
    : {
        pace: graph.change(
          'ADD',
          graph.result('CONT', [stepRank, perSequence, sequences], graph.slice(all, stepRank, stepRank, perSequence, sequences)),
          graph.vector(stepRank),
        ),
        steering: [graph.slice(smooth, state, state, perSequence, sequences), graph.slice(smooth, state, state, perSequence, sequences)],
        channelsIn: graph.slice(smooth, inner, inner, perSequence, sequences),
      };
  const cached = graph.cache(4 * stateLength * sequences);
  const knows = !isFirst && CARD_STATES.has(state) && (inner / stepRank) % 16 === 0;
  const decay = graph.vector(isFirst ? stateLength : stepRank);
  // llama.cpp puts a weight where its operator can be computed.
  if (!knows) decay.device = settings.cards.length;
  const scan = readState(step, cached, (states, own) => {
    const size = inner * tokens + stateLength * sequences;
    const result = graph.result('SSM_SCAN', [size], graph.reshape(states), channelsIn, pace, decay, ...steering, own);
    result.needsProcessor = !knows;
    return result;
  });
  const after = graph.view(scan, stateLength * sequences);
  graph.compute(graph.store('CPY', after, graph.view(cached)));
  const direct = isFirst
    ? graph.change('MUL', smooth, graph.vector(inner))
    : graph.result('MUL', [inner, perSequence, sequences], channelsIn, graph.vector(stepRank));
  const out = graph.change('ADD', graph.view(scan, inner, perSequence, sequences), direct);
  const gate = graph.result('CONT', [inner, perSequence, sequences], graph.slice(all, inner, inner, perSequence, sequences));
  const gated = graph.result('GLU', [inner, perSequence, sequences], gate, out);
  const ready = isFirst ? gated : graph.reshape(norm(step, graph.reshape(gated, inner, 1, perSequence, sequences)), inner, tokens);
  const mixed = graph.multiply(ready, shape.embeddingLength);
  return isFirst ? graph.reshape(mixed, shape.embeddingLength, tokens) : mixed;
}

/** Clear the states of new sequences, read those of the step, and move the others (`build_rs` in llama-graph.cpp). */
function readState(step: Step, cached: Tensor, read: (states: Tensor, own: Tensor) => Tensor): Tensor {
  const { graph, settings } = step;
  if (step.state === null) {
    const all = graph.input('I32', settings.sequences);
    step.state = { own: graph.view(all, settings.sequences), others: graph.view(all, 0) };
  }
  const states = graph.reshape(cached);
  graph.compute(graph.store('SCALE', graph.view(states), states));
  const found = read(states, step.state.own);
  graph.compute(found);
  graph.compute(graph.store('CPY', graph.result('GET_ROWS', [0], states, step.state.others), graph.view(cached)));
  return found;
}

interface MambaParts {
  readonly smooth: Tensor;
  readonly inner: number;
  readonly state: number;
  readonly stepRank: number;
  readonly perSequence: number;
}

/** Mamba computes what steers its state from the channels themselves, by way of a matrix of low rank. */
function steeringOfMamba(step: Step, { smooth, inner, state, stepRank, perSequence }: MambaParts) {
  const { graph, shape, settings } = step;
  const { sequences } = settings;
  const controls = graph.multiply(smooth, stepRank + 2 * state);
  const part = (length: number): Tensor => {
    const sliced = graph.slice(controls, length, length, perSequence, sequences);
    return shape.traits.scanNorms ? norm(step, sliced) : sliced;
  };
  return {
    pace: graph.change('ADD', graph.multiply(part(stepRank), inner), graph.vector(inner)),
    steering: [part(state), part(state)],
    channelsIn: graph.reshape(smooth, 1, inner, perSequence, sequences),
  };
}
