import { bufferBytes } from './allocate.ts';
import type { Placement } from './placement.ts';
import { schedule } from './schedule.ts';
import type { EngineSettings } from './settings.ts';
import type { ModelShape } from './shape.ts';
import { stepGraph, stepLayers, type StepLayers } from './step-graph.ts';
import { vulkanOrder } from './vulkan-order.ts';

/** Where results begin in memory: `TENSOR_ALIGNMENT` of the processor, 128 bytes on CUDA. */
const PROCESSOR_ALIGNMENT = 64;
const CARD_ALIGNMENT = 128;

/**
 * Bytes of intermediate results of the largest step on each device: the processor's, then the cards'. Where there are cards,
 * the first one also computes most of what the processor holds the weights of, with copies of them (`op_offload`).
 */
export function computeBytes(shape: ModelShape, settings: EngineSettings, placement: Placement): readonly number[] {
  const cards = settings.cards.length;
  const layers = stepLayers(shape, placement, cards > 0);
  const answers = known.get(shape) ?? new Map<string, readonly number[]>();
  known.set(shape, answers);
  const key = keyOf(settings, layers);
  const answer = answers.get(key);
  if (answer !== undefined) return answer;
  if (answers.size >= MOST_KNOWN) answers.clear();
  const found = simulate(shape, settings, layers);
  answers.set(key, found);
  return found;
}

/** Steps of a model that have been reckoned with: one who searches asks for the same again and again. */
const known = new WeakMap<ModelShape, Map<string, readonly number[]>>();
const MOST_KNOWN = 256;

/** All that a step depends on. */
const keyOf = ({ gpuLayers: _layers, cards, ...settings }: EngineSettings, { layers, output }: StepLayers): string =>
  [...Object.values(settings), cards.length, output, ...layers.map(({ kind }) => kind)].join();

function simulate(shape: ModelShape, settings: EngineSettings, layers: StepLayers): readonly number[] {
  const cards = settings.cards.length;
  const { inputs, nodes } = stepGraph(shape, settings, layers);
  const order = schedule(inputs, nodes, cards, vulkanOrder);
  const bytes = bufferBytes(inputs, order, [...settings.cards.map(() => CARD_ALIGNMENT), PROCESSOR_ALIGNMENT]);
  return [bytes[cards] ?? 0, ...bytes.slice(0, cards)];
}
