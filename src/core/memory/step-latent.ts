import { rowBytes } from './cache-types.ts';
import type { Memory } from './shape.ts';
import { attend, cacheInputs } from './step-attention.ts';
import { norm, type Step } from './step.ts';
import type { Tensor } from './tensor.ts';

/** DeepSeek's multi-head latent attention, its matrices absorbed into queries and outputs (src/models/deepseek2.cpp). */
export function buildLatent(step: Step, memory: Extract<Memory, { kind: 'latent' }>, source: Tensor): Tensor {
  const { graph, shape, tokens } = step;
  const { headCount, latentLength, positionLength, keyLength, valueLength, queryRank } = memory;
  const plain = keyLength - positionLength;
  const compressed = queryRank === null ? source : norm(step, graph.multiply(source, queryRank));
  const query = graph.reshape(graph.multiply(compressed, headCount * keyLength), keyLength, headCount, tokens);
  const both = graph.multiply(source, latentLength + positionLength);
  const latentPart = graph.part(both, latentLength, tokens);
  const positionPart = graph.result('ROPE', [positionLength, 1, tokens], graph.part(both, positionLength, 1, tokens), step.positions);
  const latent = graph.reshape(
    graph.change('MUL', graph.result('RMS_NORM', [latentLength, tokens], latentPart), graph.vector(latentLength)),
    latentLength,
    1,
    tokens,
  );
  const queryPosition = graph.result(
    'ROPE',
    [positionLength, headCount, tokens],
    graph.part(query, positionLength, headCount, tokens),
    step.positions,
  );
  const queryPlain = graph.part(graph.part(query, plain, headCount, tokens), plain, tokens, headCount);
  const absorbed = graph.part(
    graph.result('MUL_MAT', [latentLength, tokens, headCount], graph.matrix(plain * latentLength * headCount), queryPlain),
    latentLength,
    headCount,
    tokens,
  );
  const queries = graph.result('CONCAT', [latentLength + positionLength, headCount, tokens], absorbed, queryPosition);
  const keys = graph.result('CONCAT', [latentLength + positionLength, 1, tokens], latent, positionPart);
  graph.compute(queries);
  graph.compute(latent);
  graph.compute(keys);
  const inputs = cacheInputs(step, null, latentLength, 1);
  const { settings } = step;
  const cells = settings.contextLength * settings.sequences;
  const cached = graph.cache(rowBytes(settings.keyType, latentLength + positionLength) * cells);
  graph.compute(graph.store('SET_ROWS', graph.view(keys, latentLength + positionLength, tokens), cached, inputs.keyPlaces));
  const { mask } = inputs;
  // Compressed values are a part of the keys.
  const seen = attend(step, { queries, headCount, valueLength: latentLength, mask, decompress: valueLength, keys: cached, values: cached });
  return graph.multiply(seen, shape.embeddingLength);
}
