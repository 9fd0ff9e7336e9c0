import type { Tensor } from './graph.ts';
import type { Memory } from './shape.ts';
import { norm, type Step } from './step.ts';

type Recurrent = Extract<Memory, { kind: 'recurrent' }>;

/** A selective scan: Mamba's, or Mamba 2's with heads (src/models/mamba-base.cpp). Other recurrences are taken for the latter. */
export function buildRecurrent(step: Step, memory: Recurrent, source: Tensor): Tensor {
  const { graph, shape, tokens, settings } = step;
  const { innerLength: inner, convolutionLength, convolutionChannels: channels, stateLength, stepRank } = memory;
  const { sequences } = settings;
  const perSequence = tokens / sequences;
  const state = stateLength / inner;
  const isFirst = memory.family === 'mamba';
  step.state ??= graph.input('I32', sequences);

  const last = graph.result([convolutionLength, sequences], graph.stored(convolutionLength, sequences), step.state);
  graph.compute(last);
  const rows = isFirst ? 2 * inner : inner + channels + stepRank;
  const all = graph.reshape(graph.multiply(source, rows), rows, perSequence, sequences);
  const kept = convolutionLength / channels;
  const series = graph.result(
    [kept + perSequence, channels, sequences],
    graph.reshape(last, kept, channels, sequences),
    graph.part(graph.part(all, channels, perSequence, sequences), perSequence, channels, sequences),
  );
  graph.compute(graph.store(graph.part(series, kept, channels, sequences), graph.stored(convolutionLength, sequences)));
  const smooth = graph.change(graph.change(graph.result([channels, perSequence, sequences], series, graph.stored())));

  const { pace, steering, channelsIn } = isFirst
    ? steeringOfMamba(step, { smooth, inner, state, stepRank, perSequence })
    : {
        pace: graph.change(graph.result([stepRank, perSequence, sequences], graph.part(all, stepRank, perSequence, sequences))),
        steering: [graph.part(smooth, state, perSequence, sequences), graph.part(smooth, state, perSequence, sequences)],
        channelsIn: graph.part(smooth, inner, perSequence, sequences),
      };
  const scan = graph.result(
    [inner * tokens + stateLength * sequences],
    graph.stored(),
    channelsIn,
    pace,
    graph.stored(),
    ...steering,
    step.state,
  );
  graph.compute(scan);
  graph.compute(graph.store(graph.part(scan, stateLength * sequences), graph.stored(stateLength * sequences)));
  const direct = isFirst ? graph.change(smooth, graph.stored()) : graph.result([inner, perSequence, sequences], channelsIn, graph.stored());
  const out = graph.change(direct, graph.part(scan, inner, perSequence, sequences));
  const gate = graph.result([inner, perSequence, sequences], graph.part(all, inner, perSequence, sequences));
  const gated = graph.result([inner, perSequence, sequences], gate, out);
  const ready = isFirst ? gated : graph.reshape(norm(step, graph.reshape(gated, inner, 1, perSequence, sequences)), inner, tokens);
  return graph.reshape(graph.multiply(ready, shape.embeddingLength), shape.embeddingLength, tokens);
}

interface MambaParts {
  readonly smooth: Tensor;
  readonly inner: number;
  readonly state: number;
  readonly stepRank: number;
  readonly perSequence: number;
}

/** Mamba computes what steers its state from the channels themselves, by way of a matrix of low rank. */
function steeringOfMamba({ graph, settings: { sequences } }: Step, { smooth, inner, state, stepRank, perSequence }: MambaParts) {
  const controls = graph.multiply(smooth, stepRank + 2 * state);
  const part = (length: number): Tensor => graph.part(controls, length, perSequence, sequences);
  return {
    pace: graph.change(graph.multiply(part(stepRank), inner)),
    steering: [part(state), part(state)],
    channelsIn: graph.reshape(smooth, 1, inner, perSequence, sequences),
  };
}
