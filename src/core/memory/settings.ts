import { alignUp } from '../gguf/types.ts';
import type { CacheType } from './cache-types.ts';
import type { ModelShape } from './shape.ts';

/** Tokens of one step: node-llama-cpp's default, which is both `n_batch` and `n_ubatch` of llama.cpp. */
export const DEFAULT_BATCH = 512;
/** What an estimate takes where nothing is said. */
const DEFAULT_CONTEXT = 4096;
/** llama.cpp's `n_ctx` is a multiple of this (llama-context.cpp). */
const CONTEXT_STEP = 256;
/** `LLAMA_MAX_SEQ` (llama-cparams.h). */
const MAX_SEQUENCES = 256;
/** Counts are 32 bits in llama.cpp. */
const MAX_COUNT = 2 ** 31 - 1;

/** How a model is to be run. Whatever is left out has Lathe's own default. */
export interface InferenceSettings {
  /** Tokens of each sequence. */
  readonly contextLength?: number | undefined;
  /** Conversations at the same time, each with its own cache. */
  readonly sequences?: number | undefined;
  /** Tokens that are computed in one step. */
  readonly batchLength?: number | undefined;
  readonly keyType?: CacheType | undefined;
  readonly valueType?: CacheType | undefined;
  readonly flashAttention?: boolean | undefined;
  /** Keep the whole context in layers with a sliding window too (`swa_full`). */
  readonly fullWindowCache?: boolean | undefined;
  /** Layers that go to graphics cards, the output counting as one; the last layers go first. */
  readonly gpuLayers?: number | undefined;
  /**
   * The graphics cards' shares of these layers: their free memory, unless the user says otherwise. A card that holds no layer
   * computes all the same. Default: one card where layers go to one, else none.
   */
  readonly cards?: readonly number[] | undefined;
}

/** A setting that cannot be: what was asked for, and what was reckoned with in its place. */
export interface SettingProblem {
  readonly kind: 'notANumber' | 'tooSmall' | 'tooLarge' | 'beyondTrainedContext' | 'needsFlashAttention' | 'needsEqualTypes';
  readonly setting: keyof InferenceSettings;
  readonly given: number | null;
  /** Equal to `given` where it was kept and is only doubtful. */
  readonly used: number | null;
}

/** Settings as llama.cpp rounds them: every number is whole, finite and in its range. */
export interface EngineSettings {
  /** Tokens of each sequence. */
  readonly contextLength: number;
  readonly sequences: number;
  /** Tokens of one step. */
  readonly batchLength: number;
  readonly keyType: CacheType;
  readonly valueType: CacheType;
  readonly flashAttention: boolean;
  readonly fullWindowCache: boolean;
  readonly gpuLayers: number;
  readonly cards: readonly number[];
}

/** Read settings. What cannot be is replaced by what can, and named. */
export function readSettings(
  shape: Pick<ModelShape, 'contextLength' | 'layers' | 'statedWindow'>,
  given: InferenceSettings,
): { readonly settings: EngineSettings; readonly problems: readonly SettingProblem[] } {
  const problems: SettingProblem[] = [];
  const whole = (setting: keyof InferenceSettings, value: number | undefined, otherwise: number, least: number, most: number): number => {
    if (value === undefined) return otherwise;
    if (Number.isNaN(value)) {
      problems.push({ kind: 'notANumber', setting, given: null, used: otherwise });
      return otherwise;
    }
    const used = Math.min(most, Math.max(least, Math.floor(value)));
    if (value < least) problems.push({ kind: 'tooSmall', setting, given: Number.isFinite(value) ? value : null, used });
    if (value > most) problems.push({ kind: 'tooLarge', setting, given: Number.isFinite(value) ? value : null, used });
    return used;
  };
  const sequences = whole('sequences', given.sequences, 1, 1, MAX_SEQUENCES);
  const otherwise = Math.min(DEFAULT_CONTEXT, shape.contextLength ?? DEFAULT_CONTEXT);
  const asked = whole('contextLength', given.contextLength, otherwise, 1, Math.floor(MAX_COUNT / sequences) - CONTEXT_STEP);
  if (shape.contextLength !== null && asked > shape.contextLength)
    problems.push({ kind: 'beyondTrainedContext', setting: 'contextLength', given: asked, used: asked });
  // llama.cpp rounds the sum, divides it among the sequences and rounds again.
  const total = alignUp(asked * sequences, CONTEXT_STEP);
  const contextLength = alignUp(Math.floor(total / sequences), CONTEXT_STEP);
  const flashAttention = given.flashAttention ?? true;
  const valueType = given.valueType ?? 'F16';
  // llama.cpp refuses it: without flash attention the values are stored across, where blocks do not fit.
  if (!flashAttention && !['F32', 'F16', 'BF16'].includes(valueType))
    problems.push({ kind: 'needsFlashAttention', setting: 'valueType', given: null, used: null });
  // One cache for keys and values (llama_init_from_model).
  const keyType = given.keyType ?? 'F16';
  if (keyType !== valueType && shape.layers.some(({ memory }) => memory.kind === 'latent'))
    problems.push({ kind: 'needsEqualTypes', setting: 'valueType', given: null, used: null });
  const batchLength = Math.max(
    whole('batchLength', given.batchLength, Math.min(asked * sequences, DEFAULT_BATCH), 1, MAX_COUNT),
    sequences,
  );
  const fullWindowCache = given.fullWindowCache ?? false;
  // node-llama-cpp asks for one token more where the file names a window shorter than the context (LlamaContext.js).
  const isWindowed = shape.statedWindow !== null && (shape.contextLength === null || shape.statedWindow < shape.contextLength);
  const extra = isWindowed && !fullWindowCache ? 1 : 0;
  const gpuLayers = whole('gpuLayers', given.gpuLayers, 0, 0, shape.layers.length + 1);
  return {
    settings: {
      contextLength,
      sequences,
      batchLength: Math.min(batchLength + extra, contextLength * sequences),
      keyType,
      valueType,
      flashAttention,
      fullWindowCache,
      gpuLayers,
      cards: given.cards ?? (gpuLayers > 0 ? [1] : []),
    },
    problems,
  };
}
