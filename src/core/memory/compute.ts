import { PROCESSOR, type Placement } from './placement.ts';
import type { EngineSettings } from './settings.ts';
import type { ModelShape } from './shape.ts';
import { stepGraph } from './step-graph.ts';

/** Where results begin in memory: `TENSOR_ALIGNMENT` of the processor, 128 bytes on CUDA. */
const PROCESSOR_ALIGNMENT = 64;
const CARD_ALIGNMENT = 128;

/** llama.cpp cuts a step into pieces where weights are copied, and keeps some results longer: measured 0 to 12 % more. */
const BORROWING_MARGIN = 1.06;

/**
 * Bytes of intermediate results of the largest step on each device: the processor's, then the cards'. Where there are cards,
 * they compute everything: what lies with the processor is copied to the first one for a large step (`op_offload`).
 */
export function computeBytes(shape: ModelShape, settings: EngineSettings, placement: Placement): readonly number[] {
  const { layers } = shape;
  const { cards } = settings;
  if (cards.length === 0) {
    const whole = stepGraph(shape, settings, {
      device: 'processor',
      layers,
      elsewhere: 0,
      hasInput: true,
      hasOutput: true,
      outputElsewhere: false,
    });
    return [whole.bufferBytes(PROCESSOR_ALIGNMENT)];
  }
  const input = stepGraph(shape, settings, {
    device: 'processor',
    layers: [],
    elsewhere: 0,
    hasInput: true,
    hasOutput: false,
    outputElsewhere: false,
  });
  const perCard = cards.map((_, card) => {
    const own = layers.filter((_layer, index) => placement.layers[index] === card);
    const borrowed = card === 0 ? layers.filter((_layer, index) => placement.layers[index] === PROCESSOR) : [];
    const hasOutput = placement.output === card || (card === 0 && placement.output === PROCESSOR);
    if (own.length + borrowed.length === 0 && !hasOutput) return 0;
    const outputElsewhere = placement.output === PROCESSOR;
    const part = {
      device: 'card',
      layers: [...borrowed, ...own],
      elsewhere: borrowed.length,
      hasInput: false,
      hasOutput,
      outputElsewhere,
    } as const;
    const bytes = stepGraph(shape, settings, part).bufferBytes(CARD_ALIGNMENT);
    return borrowed.length > 0 ? Math.ceil(bytes * BORROWING_MARGIN) : bytes;
  });
  return [input.bufferBytes(PROCESSOR_ALIGNMENT), ...perCard];
}
