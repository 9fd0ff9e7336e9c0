import type { Tensor } from './graph.ts';
import type { Memory } from './shape.ts';
import { attend, cacheInputs } from './step-attention.ts';
import { norm, type Step } from './step.ts';

/** DeepSeek's multi-head latent attention, its matrices absorbed into queries and outputs (src/models/deepseek2.cpp). */
export function buildLatent(step: Step, memory: Extract<Memory, { kind: 'latent' }>, source: Tensor): Tensor {
  const { graph, shape, tokens } = step;
  const { headCount, latentLength, positionLength, keyLength, valueLength, queryRank } = memory;
  const plain = keyLength - positionLength;
  const compressed = queryRank === null ? source : norm(step, graph.multiply(source, queryRank));
  const query = graph.reshape(graph.multiply(compressed, headCount * keyLength), keyLength, headCount, tokens);
  const both = graph.multiply(source, latentLength + positionLength);
  const latentPart = graph.part(both, latentLength, tokens);
  const positionPart = graph.result([positionLength, 1, tokens], graph.part(both, positionLength, 1, tokens), step.positions);
  const latent = graph.reshape(graph.change(graph.result([latentLength, tokens], latentPart), graph.stored()), latentLength, 1, tokens);
  const queryPosition = graph.result(
    [positionLength, headCount, tokens],
    graph.part(query, positionLength, headCount, tokens),
    step.positions,
  );
  const queryPlain = graph.part(graph.part(query, plain, headCount, tokens), plain, tokens, headCount);
  const absorbed = graph.part(graph.result([latentLength, tokens, headCount], graph.stored(), queryPlain), latentLength, headCount, tokens);
  const queries = graph.result([latentLength + positionLength, headCount, tokens], absorbed, queryPosition);
  const keys = graph.result([latentLength + positionLength, 1, tokens], latent, positionPart);
  graph.compute(queries);
  graph.compute(latent);
  graph.compute(keys);
  const inputs = cacheInputs(step, null, latentLength, 1);
  const cached = graph.stored(latentLength + positionLength, step.settings.contextLength);
  graph.compute(graph.store(graph.reshape(keys, latentLength + positionLength, tokens), cached, inputs.keyPlaces));
  const seen = attend(step, { queries, headCount, headCountKv: 1, valueLength: latentLength, mask: inputs.mask, decompress: valueLength });
  return graph.multiply(seen, shape.embeddingLength);
}
