import { describe, expect, test } from 'vitest';
import { estimateInference } from '#core/memory/inference.ts';
import { Graph } from '#core/memory/graph.ts';
import { readSettings } from '#core/memory/settings.ts';
import { shapeFromFacts } from '#core/memory/shape-facts.ts';
import { stepGraph } from '#core/memory/step-graph.ts';

/** Bytes of a result of so many numbers. */
const bytes = (numbers: number): number => 4 * numbers;

describe('a graph’s buffer', () => {
  test('holds a result until its last use, and then gives its place to another', () => {
    const graph = new Graph();
    const first = graph.result([1024], graph.stored());
    const second = graph.result([1024], first);
    const third = graph.result([1024], second);
    graph.compute(third);
    // `third` lies where `first` was.
    expect(graph.bufferBytes(64)).toBe(bytes(2 * 1024));
  });

  test('keeps outputs and what is still read', () => {
    const graph = new Graph();
    const first = graph.result([1024], graph.stored());
    first.isOutput = true;
    const second = graph.result([1024], first);
    graph.compute(graph.result([1024], second));
    expect(graph.bufferBytes(64)).toBe(bytes(3 * 1024));

    const residual = new Graph();
    const stream = residual.result([1024], residual.stored());
    const inner = residual.result([1024], residual.result([1024], stream));
    residual.compute(residual.result([1024], inner, stream));
    expect(residual.bufferBytes(64)).toBe(bytes(3 * 1024));
  });

  test('writes over an input of the same layout that nothing else reads', () => {
    const graph = new Graph();
    graph.compute(graph.change(graph.change(graph.result([1024], graph.stored()))));
    expect(graph.bufferBytes(64)).toBe(bytes(1024));

    const read = new Graph();
    const source = read.result([1024], read.stored());
    const changed = read.change(source);
    read.compute(read.result([1024], changed, source));
    expect(read.bufferBytes(64)).toBe(bytes(3 * 1024));
  });

  test('does not write over a view, and keeps its owner while it is read', () => {
    const graph = new Graph();
    const whole = graph.result([2048], graph.stored());
    const half = graph.part(whole, 1024);
    graph.compute(graph.change(half));
    expect(graph.bufferBytes(64)).toBe(bytes(2048 + 1024));
  });

  test('takes the smallest free place that is large enough, and joins neighbours', () => {
    const graph = new Graph();
    const [a, b, c] = [
      graph.result([100 * 16], graph.stored()),
      graph.result([200 * 16], graph.stored()),
      graph.result([100 * 16], graph.stored()),
    ];
    for (const tensor of [a, b, c]) graph.compute(tensor);
    const end = graph.result([16], a, b);
    graph.compute(end);
    // a and b are free together now, and hold 300 blocks of 64 bytes: nothing is added behind c and the end's own block.
    graph.compute(graph.result([299 * 16], end, c));
    expect(graph.bufferBytes(64)).toBe(64 * (400 + 1));
  });

  test('begins every result at a multiple of the alignment', () => {
    const graph = new Graph();
    graph.compute(graph.result([1], graph.result([1], graph.stored())));
    expect(graph.bufferBytes(64)).toBe(128);
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
    expect(
      stepGraph(shape, settings, {
        device: 'processor',
        layers: shape.layers,
        elsewhere: 0,
        hasInput: true,
        hasOutput: true,
        outputElsewhere: false,
      }).size,
    ).toBeLessThan(200);
  });

  test('grows no more where layers repeat', () => {
    const compute = (layerCount: number): number | undefined =>
      estimateInference({ facts: { ...facts, layerCount }, sizeBytes: 40e9 }, { contextLength: 8192 }).amounts.find(
        ({ kind }) => kind === 'compute',
      )?.bytes;
    expect(compute(80)).toBe(compute(5));
  });
});
