import { rowBytes } from './cache-types.ts';
import { cacheCells } from './cache.ts';
import type { Graph } from './graph.ts';
import type { Memory } from './shape.ts';
import { biased, norm, type CacheInputs, type Step } from './step.ts';
import type { Tensor } from './tensor.ts';

type Attention = Extract<Memory, { kind: 'attention' }>;

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
  source.isContiguous ? graph.reshape(source, length, rows) : graph.result('CONT', [length, rows], source);

/** Keys or values of all heads in a row for each token, as far apart as they are. */
const rowsOf = (graph: Graph, source: Tensor): Tensor => {
  const [length, heads, tokens] = source.sizes;
  return source.isContiguous ? graph.view(source, length * heads, tokens) : graph.part(source, length * heads, tokens);
};

/** A layer's caches: all cells of all sequences. */
function cachesOf({ graph, settings }: Step, { headCountKv, keyLength, valueLength, window }: Attention): Caches {
  const cells = cacheCells(window, settings) * settings.sequences;
  return {
    keys: graph.cache(rowBytes(settings.keyType, keyLength * headCountKv) * cells),
    values: graph.cache(rowBytes(settings.valueType, valueLength * headCountKv) * cells),
  };
}

function rotated(graph: Graph, source: Tensor, rotation: Tensor | null): Tensor {
  if (rotation === null) return source;
  const [side] = rotation.sizes;
  const [a, b, c, d] = source.sizes;
  const rows = (a * b * c * d) / side;
  return graph.reshape(graph.result('MUL_MAT', [side, rows], rotation, flattened(graph, source, side, rows)), a, b, c, d);
}

/** Attention with keys and values of each head. */
export function buildAttention(step: Step, memory: Attention, source: Tensor): Tensor {
  const { graph, shape, tokens } = step;
  const { headCount, headCountKv, keyLength, valueLength } = memory;
  const inputs = cacheInputs(step, memory.window, headCountKv * valueLength, keyLength);
  const positioned = (part: Tensor): Tensor => {
    const ready = shape.traits.headNorms ? norm(step, part) : part;
    return step.isRotated ? graph.change('ROPE', ready, step.positions) : ready;
  };
  const [query, key, value] = projections(step, memory, source);
  const keys = rotated(graph, positioned(key), inputs.keyRotation);
  const placed = positioned(query);
  const queries = rotated(graph, shape.traits.scaledQueries ? graph.change('SCALE', placed) : placed, inputs.keyRotation);
  const values = rotated(graph, value, inputs.valueRotation);
  // llama.cpp's two kinds of cache ask for them in different orders.
  const windowed = shape.layers.some((layer) => layer.memory.kind === 'attention' && layer.memory.window !== null);
  for (const tensor of windowed ? [queries, keys, values] : [queries, values, keys]) graph.compute(tensor);
  const caches = cachesOf(step, memory);
  graph.compute(graph.store('SET_ROWS', rowsOf(graph, keys), caches.keys, inputs.keyPlaces));
  const valueRow = headCountKv * valueLength;
  // Without flash attention values are stored one by one, and must lie in order for it.
  const isAcross = !step.settings.flashAttention;
  const row = isAcross ? graph.reshape(flattened(graph, values, valueRow, tokens), 1, valueRow * tokens) : rowsOf(graph, values);
  const target = isAcross ? graph.reshape(caches.values) : caches.values;
  graph.compute(graph.store('SET_ROWS', row, target, inputs.valuePlaces));
  const seen = attend(step, { queries, headCount, valueLength, mask: inputs.mask, decompress: null, ...caches });
  return biased(step, graph.multiply(rotated(graph, seen, inputs.valueRotation), shape.embeddingLength), 'all');
}

/** Queries, keys and values of each head: of one matrix or of three. */
function projections(
  step: Step,
  { headCount, headCountKv, keyLength, valueLength }: Attention,
  source: Tensor,
): readonly [Tensor, Tensor, Tensor] {
  const { graph, shape, tokens } = step;
  if (shape.traits.fusedProjections) {
    const all = biased(step, graph.multiply(source, headCount * keyLength + headCountKv * (keyLength + valueLength)), 'projections');
    return [
      graph.slice(all, headCount * keyLength, keyLength, headCount, tokens),
      graph.slice(all, headCountKv * keyLength, keyLength, headCountKv, tokens),
      graph.slice(all, headCountKv * valueLength, valueLength, headCountKv, tokens),
    ];
  }
  const project = (heads: number, length: number): Tensor =>
    graph.reshape(biased(step, graph.multiply(source, heads * length), 'projections'), length, heads, tokens);
  return [project(headCount, keyLength), project(headCountKv, keyLength), project(headCountKv, valueLength)];
}

interface Caches {
  readonly keys: Tensor;
  readonly values: Tensor;
}

interface Attend extends Caches {
  readonly queries: Tensor;
  readonly headCount: number;
  readonly valueLength: number;
  readonly mask: Tensor;
  /** Length of a head's values behind the matrix that decompresses them; null: they are not compressed. */
  readonly decompress: number | null;
}

/** Attention itself: in one operator, or by way of the scores of every token with every cached one. */
export function attend(
  { graph, settings, tokens }: Step,
  { queries, headCount, valueLength, mask, decompress, keys, values }: Attend,
): Tensor {
  const { sequences } = settings;
  const perSequence = tokens / sequences;
  const [cells] = mask.sizes;
  const [keyLength] = queries.sizes;
  const split = graph.part(graph.part(queries, keyLength, headCount, perSequence, sequences), keyLength, perSequence, headCount, sequences);
  const shown = (cache: Tensor): Tensor => graph.part(graph.part(cache));
  const decompression = (): Tensor => graph.matrix((decompress ?? 0) * valueLength * headCount);
  const [shownKeys, shownValues] = [shown(keys), shown(values)];
  if (settings.flashAttention) {
    // The operator reads no F32: the whole cache is copied.
    const readKeys = settings.keyType === 'F32' ? graph.halved(shownKeys) : shownKeys;
    const readValues = settings.valueType === 'F32' && decompress === null ? graph.halved(shownValues) : shownValues;
    let seen = graph.result('FLASH_ATTN_EXT', [valueLength, headCount, perSequence, sequences], split, readKeys, readValues, mask);
    if (decompress !== null) {
      const across = graph.part(seen, valueLength, perSequence, headCount, sequences);
      const long = graph.result('MUL_MAT', [decompress, perSequence, headCount, sequences], decompression(), across);
      seen = graph.result(
        'CONT',
        [decompress, headCount, perSequence, sequences],
        graph.part(long, decompress, headCount, perSequence, sequences),
      );
    }
    const flat = graph.reshape(seen, (decompress ?? valueLength) * headCount, tokens);
    graph.compute(flat);
    return flat;
  }
  const scores = graph.result('MUL_MAT', [cells, perSequence, headCount, sequences], shownKeys, split);
  const shares = graph.change('SOFT_MAX', scores, mask);
  let seen = graph.result('MUL_MAT', [valueLength, perSequence, headCount, sequences], shownValues, shares);
  if (decompress !== null) seen = graph.result('MUL_MAT', [decompress, perSequence, headCount, sequences], decompression(), seen);
  const length = decompress ?? valueLength;
  const flat = graph.result('CONT', [length * headCount, tokens], graph.part(seen, length, headCount, perSequence, sequences));
  graph.compute(flat);
  return flat;
}
