import type { Tensor } from './tensor.ts';
import type { FeedForward } from './shape.ts';
import { biased, type Step } from './step.ts';

/** The feed-forward network, dense or of experts. */
export function buildFeedForward(step: Step, feedForward: Exclude<FeedForward, { kind: 'none' }>, source: Tensor): Tensor {
  const { graph, shape, tokens } = step;
  const width = shape.embeddingLength;
  if (feedForward.kind === 'experts') {
    const mixed = buildExperts(step, feedForward, source);
    if (feedForward.sharedLength === 0) return mixed;
    return graph.change('ADD', mixed, dense(step, source, feedForward.sharedLength, width, 'gated'));
  }
  return dense(
    step,
    source,
    feedForward.length,
    width,
    feedForward.kind === 'plain' ? 'plain' : shape.traits.fusedGate ? 'fused' : 'gated',
    tokens,
  );
}

function dense(
  step: Step,
  source: Tensor,
  length: number,
  width: number,
  kind: 'gated' | 'fused' | 'plain',
  tokens = source.sizes[1],
): Tensor {
  const { graph } = step;
  const up = biased(step, graph.multiply(source, kind === 'fused' ? 2 * length : length), 'all');
  const active =
    kind === 'plain'
      ? graph.change('UNARY', up)
      : kind === 'fused'
        ? graph.result('GLU', [length, tokens], up)
        : graph.result('GLU', [length, tokens], graph.multiply(source, length), up);
  return biased(step, graph.multiply(active, width), 'all');
}

/** A mixture of experts: a router picks some for each token, and their results are added (`build_moe_ffn` in llama-graph.cpp). */
function buildExperts(step: Step, experts: Extract<FeedForward, { kind: 'experts' }>, source: Tensor): Tensor {
  const { graph, shape, tokens } = step;
  const { expertCount, usedCount, length } = experts;
  const width = shape.embeddingLength;
  const odds = graph.change('SOFT_MAX', graph.multiply(source, expertCount));
  const order = graph.order([expertCount, tokens], odds);
  const chosen = graph.part(order, usedCount, tokens);
  const some = graph.result('GET_ROWS', [1, usedCount, tokens], graph.reshape(odds, 1, expertCount, tokens), chosen);
  const flat = graph.reshape(some, usedCount, tokens);
  const shares = graph.reshape(
    graph.change('DIV', flat, graph.change('CLAMP', graph.result('SUM_ROWS', [1, tokens], flat))),
    1,
    usedCount,
    tokens,
  );
  graph.compute(shares);
  const matrices = (): Tensor => graph.matrix(width * length * expertCount);
  const each = graph.reshape(source, width, 1, tokens);
  const up = graph.result('MUL_MAT_ID', [length, usedCount, tokens], matrices(), each, chosen);
  const gate = graph.result('MUL_MAT_ID', [length, usedCount, tokens], matrices(), each, chosen);
  const active = graph.result('GLU', [length, usedCount, tokens], gate, up);
  const down = graph.result('MUL_MAT_ID', [width, usedCount, tokens], matrices(), active, chosen);
  const weighted = graph.change('MUL', down, shares);
  graph.compute(weighted);
  const parts = Array.from({ length: usedCount }, () => graph.part(weighted, width, tokens));
  for (const part of parts) graph.compute(part);
  let sum = parts[0] ?? weighted;
  for (const part of parts.slice(1)) {
    sum = graph.change('ADD', sum, part);
    graph.compute(sum);
  }
  return usedCount === 1 ? graph.result('CONT', [width, tokens], sum) : sum;
}
