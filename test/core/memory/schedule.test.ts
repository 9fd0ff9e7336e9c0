import { describe, expect, test } from 'vitest';
import { Graph } from '#core/memory/graph.ts';
import { schedule } from '#core/memory/schedule.ts';
import type { Tensor } from '#core/memory/tensor.ts';
import { vulkanOrder } from '#core/memory/vulkan-order.ts';

const CARD = 0;
const PROCESSOR = 1;

const asTheyAre = (nodes: readonly Tensor[]): readonly Tensor[] => nodes;

/** What a device is given to compute, in order; copies are marked. */
const computed = (order: readonly Tensor[], device: number): readonly string[] =>
  order.filter((node) => node.device === device && node.owner === null).map(({ op }) => (op === 'NONE' ? 'copy' : op));

/** Embeddings that the processor reads, and a matrix behind them that lies on `device`. */
function embedded(device: number, tokens: number): { readonly graph: Graph; readonly product: Tensor } {
  const graph = new Graph();
  graph.device = PROCESSOR;
  const read = graph.result('GET_ROWS', [64, tokens], graph.matrix(64), graph.input('I32', tokens));
  graph.device = device;
  return { graph, product: graph.multiply(read, 64) };
}

// ggml_backend_sched_split_graph, and offload_op of the cards' libraries.
describe('operators', () => {
  test('are computed where their weights are, and what they read is copied there', () => {
    const { graph, product } = embedded(CARD, 512);
    graph.compute(product);
    const order = schedule(graph.inputs, graph.nodes, 1, asTheyAre);
    expect(computed(order, PROCESSOR)).toEqual(['GET_ROWS']);
    expect(computed(order, CARD)).toEqual(['copy', 'MUL_MAT']);
  });

  test('with weights of the processor are computed by a card from 32 tokens on, with a copy of the weights', () => {
    const many = embedded(PROCESSOR, 32);
    many.graph.compute(many.product);
    expect(computed(schedule(many.graph.inputs, many.graph.nodes, 1, asTheyAre), CARD)).toEqual(['copy', 'copy', 'MUL_MAT']);

    const few = embedded(PROCESSOR, 31);
    few.graph.compute(few.product);
    const order = schedule(few.graph.inputs, few.graph.nodes, 1, asTheyAre);
    expect(computed(order, CARD)).toEqual([]);
    expect(computed(order, PROCESSOR)).toEqual(['GET_ROWS', 'MUL_MAT']);
  });

  test('that no card knows are computed by the processor, and their result goes back', () => {
    const { graph, product } = embedded(CARD, 512);
    const scan = graph.change('SSM_SCAN', product);
    scan.needsProcessor = true;
    graph.compute(graph.multiply(scan, 64));
    const order = schedule(graph.inputs, graph.nodes, 1, asTheyAre);
    expect(computed(order, PROCESSOR)).toEqual(['GET_ROWS', 'copy', 'SSM_SCAN']);
    expect(computed(order, CARD)).toEqual(['copy', 'MUL_MAT', 'copy', 'MUL_MAT']);
  });

  test('that write to a cache are computed where it lies', () => {
    const { graph, product } = embedded(CARD, 512);
    graph.device = PROCESSOR;
    graph.compute(graph.store('SET_ROWS', product, graph.cache(1024)));
    const order = schedule(graph.inputs, graph.nodes, 1, asTheyAre);
    expect(order.at(-1)).toMatchObject({ op: 'SET_ROWS', device: PROCESSOR });
  });
});

// ggml_vk_graph_optimize.
describe('Vulkan', () => {
  test('brings forward what waits for nothing, and keeps what is one kernel together', () => {
    const graph = new Graph();
    const source = graph.input('F32', 64, 512);
    const normed = graph.change('MUL', graph.change('RMS_NORM', source), graph.vector(64));
    const [queries, keys] = [graph.multiply(normed, 64), graph.multiply(normed, 64)];
    const placed = graph.change('ROPE', queries, graph.input('I32', 512));
    graph.compute(placed);
    graph.compute(graph.change('UNARY', keys));
    expect(graph.nodes.map(({ op }) => op)).toEqual(['RMS_NORM', 'MUL', 'MUL_MAT', 'ROPE', 'MUL_MAT', 'UNARY']);
    // Both products read the norm alone: the second need not wait for what comes behind the first.
    expect(vulkanOrder(graph.nodes).map((node) => graph.nodes.indexOf(node))).toEqual([0, 1, 2, 4, 3, 5]);
  });
});
