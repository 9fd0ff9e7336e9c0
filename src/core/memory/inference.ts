import type { ModelFacts } from '../model/facts.ts';
import { cacheBytes } from './cache.ts';
import { computeBytes } from './compute.ts';
import { readSettings, type EngineSettings, type InferenceSettings, type SettingProblem } from './settings.ts';
import { shapeFromFacts } from './shape-facts.ts';
import { weightBytes, type GuessedTerm, type ModelShape } from './shape.ts';

/** `weights` as stored, `cache` grows with the context, `state` does not, `compute` holds what one step works on, `outputs` its results. */
export type AmountKind = 'weights' | 'cache' | 'state' | 'compute' | 'outputs';

/** Bytes of one part. What is exact has `lowBytes` = `bytes` = `highBytes`. */
export interface Amount {
  readonly kind: AmountKind;
  readonly bytes: number;
  readonly lowBytes: number;
  readonly highBytes: number;
}

export interface InferenceEstimate {
  readonly amounts: readonly Amount[];
  readonly totalBytes: number;
  readonly lowBytes: number;
  readonly highBytes: number;
  /** `high`: all terms are read from the file. `medium`: some are usual values. `low`: the shape itself is a guess. */
  readonly confidence: 'high' | 'medium' | 'low';
  /** What was taken from what such models usually have. */
  readonly guessed: readonly GuessedTerm[];
  readonly problems: readonly SettingProblem[];
  /** What was reckoned with. */
  readonly settings: EngineSettings;
}

/** Terms without which nothing but the weights is known. */
const decisive: ReadonlySet<GuessedTerm> = new Set(['architecture', 'layerCount', 'embeddingLength', 'headCount', 'headCountKv']);

/**
 * Memory that running a model takes, without what the program itself and others take. From the library's facts, with the
 * size of the files where the facts do not count tensors. Never throws, never NaN.
 */
export const estimateInference = (
  model: { readonly facts: ModelFacts; readonly sizeBytes: number },
  settings: InferenceSettings = {},
): InferenceEstimate => estimateShape(shapeFromFacts(model.facts, model.sizeBytes), settings);

/** The same for a shape, such as `shapeFromGguf` gives it: layer by layer, as the file has it. */
export function estimateShape(shape: ModelShape, given: InferenceSettings = {}): InferenceEstimate {
  const { settings, problems } = readSettings(shape, given);
  const { cache, state } = cacheBytes(shape.layers, settings);
  const confidence = confidenceOf(shape.guessed);
  const exact = (kind: AmountKind, bytes: number): Amount => ({ kind, bytes, lowBytes: bytes, highBytes: bytes });
  const between = (kind: AmountKind, bytes: number, low: number, high: number): Amount => ({
    kind,
    bytes,
    lowBytes: bytes * low,
    highBytes: bytes * high,
  });
  const isGuess = confidence === 'low';
  const amounts = [
    exact('weights', weightBytes(shape)),
    // Models without grouped heads have four to eight times the cache of the others.
    isGuess ? between('cache', cache, 0.5, 4) : exact('cache', cache),
    isGuess ? between('state', state, 0.5, 2) : exact('state', state),
    between('compute', computeBytes(shape, settings), 0.8, isGuess ? 2 : 1.25),
    exact('outputs', 4 * shape.vocabularySize * settings.sequences),
  ].filter(({ bytes }) => bytes > 0);
  const sum = (of: (amount: Amount) => number): number => amounts.reduce((total, amount) => total + of(amount), 0);
  return {
    amounts,
    totalBytes: sum(({ bytes }) => bytes),
    lowBytes: sum(({ lowBytes }) => lowBytes),
    highBytes: sum(({ highBytes }) => highBytes),
    confidence,
    guessed: shape.guessed,
    problems,
    settings,
  };
}

function confidenceOf(guessed: readonly GuessedTerm[]): InferenceEstimate['confidence'] {
  if (guessed.some((term) => decisive.has(term))) return 'low';
  return guessed.every((term) => term === 'weightPlacement') ? 'high' : 'medium';
}
