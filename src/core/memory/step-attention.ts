import { rowBytes, type CacheType } from './cache-types.ts';
import { cacheCells } from './cache.ts';
import type { Graph, Tensor } from './graph.ts';
import type { Memory } from './shape.ts';
import { norm, type CacheInputs, type Step } from './step.ts';

/** The inputs of layers whose caches are of one size: made once. */
export function cacheInputs(step: Step, window: number | null, valueLength: number, headLength: number): CacheInputs {
  const { graph, settings, tokens } = step;
  const key = String(window);
  const known = step.masks.get(key);
  if (known !== undefined) return known;
  const { sequences, flashAttention } = settings;
  const cells = cacheCells(window, settings);
  // Heads of a quantized cache are rotated by a Hadamard matrix, where their length allows it.
  const rotation = (type: string, largest: boolean): Tensor | null => {
    if (['F32', 'F16', 'BF16'].includes(type) || headLength < 64 || headLength % 64 !== 0) return null;
    let side = 64;
    while (largest && headLength % (side * 2) === 0) side *= 2;
    return graph.input('F32', side, side);
  };
  const inputs: CacheInputs = {
    keyPlaces: graph.input('I64', tokens),
    // Without flash attention the values lie across: each element has a place of its own.
    valuePlaces: graph.input('I64', flashAttention ? tokens : tokens * valueLength),
    mask: graph.input(flashAttention ? 'F16' : 'F32', cells, tokens / sequences, 1, sequences),
    keyRotation: rotation(settings.keyType, true),
    valueRotation: rotation(settings.valueType, false),
  };
  step.masks.set(key, inputs);
  return inputs;
}

/** The same elements in rows: a copy where they do not lie one behind the other. */
const flattened = (graph: Graph, source: Tensor, length: number, rows: number): Tensor =>
  source.isContiguous ? graph.reshape(source, length, rows) : graph.result([length, rows], source);

function rotated(graph: Graph, source: Tensor, rotation: Tensor | null): Tensor {
  if (rotation === null) return source;
  const [side] = rotation.sizes;
  const [a, b, c, d] = source.sizes;
  const rows = (a * b * c * d) / side;
  return graph.reshape(graph.result([side, rows], rotation, flattened(graph, source, side, rows)), a, b, c, d);
}

/** Attention with keys and values of each head. */
export function buildAttention(step: Step, memory: Extract<Memory, { kind: 'attention' }>, source: Tensor): Tensor {
  const { graph, shape, tokens } = step;
  const { headCount, headCountKv, keyLength, valueLength } = memory;
  const inputs = cacheInputs(step, memory.window, headCountKv * valueLength, keyLength);
  const positioned = (part: Tensor): Tensor => {
    const ready = shape.traits.headNorms ? norm(step, part) : part;
    return shape.traits.positions === 'rotary' ? graph.change(ready, step.positions) : ready;
  };
  const [query, key, value] = projections(step, memory, source);
  const keys = rotated(graph, positioned(key), inputs.keyRotation);
  const queries = rotated(graph, positioned(query), inputs.keyRotation);
  const values = rotated(graph, value, inputs.valueRotation);
  // llama.cpp's two kinds of cache ask for them in different orders.
  const windowed = shape.layers.some((layer) => layer.memory.kind === 'attention' && layer.memory.window !== null);
  for (const tensor of windowed ? [queries, keys, values] : [queries, values, keys]) graph.compute(tensor);
  const cached = graph.stored(keyLength, headCountKv, cacheCells(memory.window, step.settings));
  graph.compute(graph.store(graph.reshape(keys, headCountKv * keyLength, tokens), cached, inputs.keyPlaces));
  const valueRow = headCountKv * valueLength;
  // Without flash attention values are stored one by one, and must lie in order for it.
  const row = step.settings.flashAttention ? graph.part(values, valueRow, tokens) : flattened(graph, values, valueRow, tokens);
  graph.compute(graph.store(row, cached, inputs.valuePlaces));
  const seen = attend(step, { queries, headCount, headCountKv, valueLength, mask: inputs.mask, decompress: null });
  return graph.multiply(rotated(graph, seen, inputs.valueRotation), shape.embeddingLength);
}

/** Queries, keys and values of each head: of one matrix or of three. */
function projections(
  { graph, shape, tokens }: Step,
  { headCount, headCountKv, keyLength, valueLength }: Extract<Memory, { kind: 'attention' }>,
  source: Tensor,
): readonly [Tensor, Tensor, Tensor] {
  if (shape.traits.fusedProjections) {
    const all = graph.multiply(source, headCount * keyLength + headCountKv * (keyLength + valueLength));
    return [
      graph.part(all, keyLength, headCount, tokens),
      graph.part(all, keyLength, headCountKv, tokens),
      graph.part(all, valueLength, headCountKv, tokens),
    ];
  }
  const project = (heads: number, length: number): Tensor => graph.reshape(graph.multiply(source, heads * length), length, heads, tokens);
  return [project(headCount, keyLength), project(headCountKv, keyLength), project(headCountKv, valueLength)];
}

interface Attend {
  readonly queries: Tensor;
  readonly headCount: number;
  readonly headCountKv: number;
  readonly valueLength: number;
  readonly mask: Tensor;
  /** Length of a head's values behind the matrix that decompresses them; null: they are not compressed. */
  readonly decompress: number | null;
}

/** Attention itself: in one operator, or by way of the scores of every token with every cached one. */
export function attend(
  { graph, settings, tokens }: Step,
  { queries, headCount, headCountKv, valueLength, mask, decompress }: Attend,
): Tensor {
  const { sequences } = settings;
  const perSequence = tokens / sequences;
  const [cells] = mask.sizes;
  const [keyLength] = queries.sizes;
  const split = graph.part(graph.part(queries, keyLength, headCount, perSequence, sequences), keyLength, perSequence, headCount, sequences);
  const cache = (type: CacheType, length: number): Tensor =>
    graph.cache(rowBytes(type, length * headCountKv) * cells * sequences, length, cells, headCountKv, sequences);
  const keys = cache(settings.keyType, keyLength);
  // Compressed values are a part of the keys.
  const values = decompress === null ? cache(settings.valueType, valueLength) : keys;
  if (settings.flashAttention) {
    // The operator reads no F32: the whole cache is copied.
    const readKeys = settings.keyType === 'F32' ? graph.halved(keys) : keys;
    const readValues = settings.valueType === 'F32' && decompress === null ? graph.halved(values) : values;
    let seen = graph.result([valueLength, headCount, perSequence, sequences], split, readKeys, readValues, mask);
    if (decompress !== null) {
      const across = graph.part(seen, valueLength, perSequence, headCount, sequences);
      const long = graph.result([decompress, perSequence, headCount, sequences], graph.stored(), across);
      seen = graph.result([decompress, headCount, perSequence, sequences], graph.part(long, decompress, headCount, perSequence, sequences));
    }
    const flat = graph.reshape(seen, (decompress ?? valueLength) * headCount, tokens);
    graph.compute(flat);
    return flat;
  }
  const scores = graph.result([cells, perSequence, headCount, sequences], keys, split);
  const shares = graph.change(scores, mask);
  let seen = graph.result([valueLength, perSequence, headCount, sequences], values, shares);
  if (decompress !== null) seen = graph.result([decompress, perSequence, headCount, sequences], graph.stored(), seen);
  const length = decompress ?? valueLength;
  const flat = graph.result([length * headCount, tokens], graph.part(seen, length, headCount, perSequence, sequences));
  graph.compute(flat);
  return flat;
}
