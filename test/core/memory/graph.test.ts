import { describe, expect, test } from 'vitest';
import { bufferBytes } from '#core/memory/allocate.ts';
import { estimateInference } from '#core/memory/inference.ts';
import { Graph } from '#core/memory/graph.ts';
import { placeLayers } from '#core/memory/placement.ts';
import { readSettings } from '#core/memory/settings.ts';
import { shapeFromFacts } from '#core/memory/shape-facts.ts';
import { stepGraph, stepLayers } from '#core/memory/step-graph.ts';
import type { Tensor } from '#core/memory/tensor.ts';

/** Bytes of a result of so many numbers. */
const bytes = (numbers: number): number => 4 * numbers;

/** A product with a matrix: a result of so many numbers in a place of its own. */
const product = (graph: Graph, numbers: number, ...inputs: readonly Tensor[]): Tensor => graph.result('MUL_MAT', [numbers], ...inputs);

/** The buffer of one device that computes all of a graph. */
function bufferOf({ inputs, nodes }: Graph, alignment = 64): number | undefined {
  for (const tensor of [...inputs, ...nodes]) tensor.device = 0;
  return bufferBytes(inputs, nodes, [alignment])[0];
}

describe('a graph’s buffer', () => {
  test('holds a result until its last use, and then gives its place to another', () => {
    const graph = new Graph();
    graph.compute(product(graph, 1024, product(graph, 1024, product(graph, 1024))));
    // The third lies where the first was.
    expect(bufferOf(graph)).toBe(bytes(2 * 1024));
  });

  test('keeps outputs and what is still read', () => {
    const graph = new Graph();
    const first = product(graph, 1024);
    first.isOutput = true;
    graph.compute(product(graph, 1024, product(graph, 1024, first)));
    expect(bufferOf(graph)).toBe(bytes(3 * 1024));

    const residual = new Graph();
    const stream = product(residual, 1024);
    const inner = product(residual, 1024, product(residual, 1024, stream));
    residual.compute(product(residual, 1024, inner, stream));
    expect(bufferOf(residual)).toBe(bytes(3 * 1024));
  });

  test('writes over an input of the same layout that nothing else reads', () => {
    const graph = new Graph();
    graph.compute(graph.change('MUL', graph.change('RMS_NORM', product(graph, 1024))));
    expect(bufferOf(graph)).toBe(bytes(1024));

    const read = new Graph();
    const source = product(read, 1024);
    read.compute(product(read, 1024, read.change('MUL', source), source));
    expect(bufferOf(read)).toBe(bytes(3 * 1024));
  });

  test('does not write over a view, and keeps its owner while it is read', () => {
    const graph = new Graph();
    graph.compute(graph.change('MUL', graph.part(product(graph, 2048), 1024)));
    expect(bufferOf(graph)).toBe(bytes(2048 + 1024));
  });

  test('takes the smallest free place that is large enough, and joins neighbours', () => {
    const graph = new Graph();
    const [a, b, c] = [product(graph, 100 * 16), product(graph, 200 * 16), product(graph, 100 * 16)];
    for (const tensor of [a, b, c]) graph.compute(tensor);
    const end = product(graph, 16, a, b);
    graph.compute(end);
    // a and b are free together now, and hold 300 blocks of 64 bytes: nothing is added behind c and the end's own block.
    graph.compute(product(graph, 299 * 16, end, c));
    expect(bufferOf(graph)).toBe(64 * (400 + 1));
  });

  test('begins every result at a multiple of the alignment', () => {
    const graph = new Graph();
    graph.compute(product(graph, 1, product(graph, 1)));
    expect(bufferOf(graph)).toBe(128);
  });
});

describe('a step', () => {
  const facts = {
    architecture: 'llama',
    layerCount: 80,
    embeddingLength: 8192,
    feedForwardLength: 28_672,
    headCount: 64,
    headCountKv: 8,
    vocabularySize: 128_256,
    parameterCount: 70_553_706_496,
  };

  // Dragging a slider asks for one estimate after the other: a graph of all layers would have 2,400 operators.
  test('is reckoned with few operators, however many layers the model has', () => {
    const shape = shapeFromFacts(facts, 40e9);
    const { settings } = readSettings(shape, { contextLength: 8192 });
    expect(stepGraph(shape, settings, stepLayers(shape, placeLayers(80, 0, []), false)).nodes.length).toBeLessThan(200);
  });

  test('grows no more where layers repeat', () => {
    const compute = (layerCount: number): number | undefined =>
      estimateInference({ facts: { ...facts, layerCount }, sizeBytes: 40e9 }, { contextLength: 8192 }).amounts.find(
        ({ kind }) => kind === 'compute',
      )?.bytes;
    expect(compute(80)).toBe(compute(5));
  });
});
