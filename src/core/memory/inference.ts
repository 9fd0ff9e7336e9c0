import type { ModelFacts } from '../model/facts.ts';
import { exact, mergeAmounts, range, totalOf, type Amount, type Total } from './amount.ts';
import { layerCacheBytes } from './cache.ts';
import { computeBytes } from './compute.ts';
import { deviceWeightBytes, placeLayers, PROCESSOR } from './placement.ts';
import { readSettings, type EngineSettings, type InferenceSettings, type SettingProblem } from './settings.ts';
import { shapeFromFacts } from './shape-facts.ts';
import type { GuessedTerm, ModelShape } from './shape.ts';

/**
 * `weights` as stored, `cache` grows with the context, `state` does not, `compute` holds what one step works on, `outputs` its
 * results. `draft` is the whole of a draft model, `program` the engine itself; `others` and `reserve` are not Lathe's.
 */
export type AmountKind = 'weights' | 'cache' | 'state' | 'compute' | 'outputs' | 'adapters' | 'draft' | 'program' | 'others' | 'reserve';

export interface DeviceEstimate extends Total<AmountKind> {
  /** The processor's memory, or the number of the card. */
  readonly device: 'processor' | number;
}

export interface InferenceEstimate extends Total<AmountKind> {
  /** The processor first, then the cards in their order. Their amounts add up to `amounts`. */
  readonly devices: readonly DeviceEstimate[];
  /** `high`: all terms are read from the file. `medium`: some are usual values. `low`: the shape itself is a guess. */
  readonly confidence: 'high' | 'medium' | 'low';
  /** What was taken from what such models usually have. */
  readonly guessed: readonly GuessedTerm[];
  readonly problems: readonly SettingProblem[];
  /** What was reckoned with. */
  readonly settings: EngineSettings;
}

/** What takes memory beside the model. */
export interface Beside {
  /** Bytes of the weights of LoRA adapters that are loaded with the model. */
  readonly adapterBytes?: number;
  /** The estimate of a draft model. */
  readonly draft?: InferenceEstimate;
  /** Whether to count the engine's process and the cards' libraries. */
  readonly program?: boolean;
  /** Used by other programs: of the computer's memory, then of each card's. */
  readonly otherBytes?: readonly number[];
  /** To be left free, likewise. */
  readonly reserveBytes?: readonly number[];
}

/** Terms without which nothing but the weights is known. */
const decisive: ReadonlySet<GuessedTerm> = new Set(['architecture', 'layerCount', 'embeddingLength', 'headCount', 'headCountKv']);

/**
 * Memory that running a model takes. From the library's facts, with the size of the files where the facts do not count
 * tensors. Never throws, never NaN.
 */
export const estimateInference = (
  model: { readonly facts: ModelFacts; readonly sizeBytes: number },
  settings: InferenceSettings = {},
  beside: Beside = {},
): InferenceEstimate => estimateShape(shapeFromFacts(model.facts, model.sizeBytes), settings, beside);

/** The same for a shape, such as `shapeFromGguf` gives it: layer by layer, as the file has it. */
export function estimateShape(shape: ModelShape, given: InferenceSettings = {}, beside: Beside = {}): InferenceEstimate {
  const { settings, problems } = readSettings(shape, given);
  const confidence = confidenceOf(shape.guessed);
  const placement = placeLayers(shape.layers.length, settings.gpuLayers, settings.cards);
  const compute = computeBytes(shape, settings, placement);
  const isGuess = confidence === 'low';
  const devices = compute.map((computed, index): DeviceEstimate => {
    const device = index - 1;
    let cache = 0;
    let state = 0;
    for (const [layer, { memory }] of shape.layers.entries()) {
      if (placement.layers[layer] !== device) continue;
      if (memory.kind === 'recurrent') state += layerCacheBytes(memory, settings);
      else cache += layerCacheBytes(memory, settings);
    }
    const amounts: Amount<AmountKind>[] = [
      shape.guessed.includes('weightPlacement') && settings.gpuLayers > 0
        ? range('weights', deviceWeightBytes(shape, placement, device), 0.95, 1.05, 'guessedShape')
        : exact('weights', deviceWeightBytes(shape, placement, device)),
      // Models without grouped heads have four to eight times the cache of the others.
      isGuess ? range('cache', cache, 0.5, 4, 'guessedShape') : exact('cache', cache),
      isGuess ? range('state', state, 0.5, 2, 'guessedShape') : exact('state', state),
      computeAmount(computed, settings, isGuess),
      exact('outputs', device === PROCESSOR ? 4 * shape.vocabularySize * settings.sequences : 0),
      ...besideAmounts(beside, index, placement.output === device),
    ];
    return { device: device === PROCESSOR ? 'processor' : device, ...totalOf(amounts) };
  });
  return {
    ...totalOf(mergeAmounts(devices.flatMap(({ amounts }) => amounts))),
    devices,
    confidence,
    guessed: shape.guessed,
    problems,
    settings,
  };
}

/** The processor's buffer is met to the byte, Vulkan's within hundredths; other cards' libraries order what they compute in ways of their own. */
function computeAmount(bytes: number, { cards }: EngineSettings, isGuess: boolean): Amount<AmountKind> {
  if (isGuess) return range('compute', bytes, 0.5, 2, 'guessedShape');
  if (cards.length === 0) return range('compute', bytes, 0.97, 1.03, 'simulated');
  return range('compute', bytes, 0.9, 1.15, 'simulated');
}

/** Node with the addon and node-llama-cpp, as it is resident before a model is loaded, on Linux. */
export const PROCESS_BYTES = 90 * 1024 ** 2;
/** A context of CUDA or Vulkan with its kernels: 150 to 700 MiB from card to card and version to version. */
const CARD_BYTES = 400 * 1024 ** 2;

function besideAmounts(beside: Beside, index: number, hasOutput: boolean): readonly Amount<AmountKind>[] {
  const sizeOf = (bytes: number | undefined): number => (bytes !== undefined && Number.isFinite(bytes) && bytes > 0 ? bytes : 0);
  const draft = beside.draft?.devices[index];
  const program =
    index === 0
      ? range('program', PROCESS_BYTES, 0.8, 1.5, 'measuredElsewhere')
      : range('program', CARD_BYTES, 0.4, 1.8, 'measuredElsewhere');
  return [
    // Adapters lie with the matrices that they change.
    exact('adapters', hasOutput ? sizeOf(beside.adapterBytes) : 0),
    ...(draft === undefined
      ? []
      : [{ kind: 'draft', bytes: draft.totalBytes, lowBytes: draft.lowBytes, highBytes: draft.highBytes, basis: 'simulated' } as const]),
    ...(beside.program === true ? [program] : []),
    exact('others', sizeOf(beside.otherBytes?.[index])),
    exact('reserve', sizeOf(beside.reserveBytes?.[index])),
  ];
}

function confidenceOf(guessed: readonly GuessedTerm[]): InferenceEstimate['confidence'] {
  if (guessed.some((term) => decisive.has(term))) return 'low';
  return guessed.every((term) => term === 'weightPlacement') ? 'high' : 'medium';
}
