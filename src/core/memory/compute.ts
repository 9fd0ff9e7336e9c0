import type { EngineSettings } from './settings.ts';
import type { ModelShape } from './shape.ts';
import { stepGraph } from './step-graph.ts';

/** Where results begin in the processor's memory (`TENSOR_ALIGNMENT` in ggml-backend.cpp); graphics cards' are of this order. */
const ALIGNMENT = 64;

/** Bytes of intermediate results of the largest step. */
export const computeBytes = (shape: ModelShape, settings: EngineSettings): number => stepGraph(shape, settings).bufferBytes(ALIGNMENT);
