import { bufferBytes } from './allocate.ts';
import type { Placement } from './placement.ts';
import { schedule } from './schedule.ts';
import type { EngineSettings } from './settings.ts';
import type { ModelShape } from './shape.ts';
import { stepGraph } from './step-graph.ts';
import { vulkanOrder } from './vulkan-order.ts';

/** Where results begin in memory: `TENSOR_ALIGNMENT` of the processor, 128 bytes on CUDA. */
const PROCESSOR_ALIGNMENT = 64;
const CARD_ALIGNMENT = 128;

/**
 * Bytes of intermediate results of the largest step on each device: the processor's, then the cards'. Where there are cards,
 * the first one also computes most of what the processor holds the weights of, with copies of them (`op_offload`).
 */
export function computeBytes(shape: ModelShape, settings: EngineSettings, placement: Placement): readonly number[] {
  const { inputs, nodes } = stepGraph(shape, settings, placement);
  const cards = settings.cards.length;
  const order = schedule(inputs, nodes, cards, vulkanOrder);
  const bytes = bufferBytes(inputs, order, [...settings.cards.map(() => CARD_ALIGNMENT), PROCESSOR_ALIGNMENT]);
  return [bytes[cards] ?? 0, ...bytes.slice(0, cards)];
}
