import type { CacheType } from './cache-types.ts';
import { advise, bestSplit, largestContext, type Advice, type Question, type Remedy, type Room } from './fit.ts';
import type { Beside } from './inference.ts';
import type { ModelShape } from './shape.ts';

/** How a model is loaded to be talked to; null: Lathe chooses. */
export interface LoadSettings {
  readonly contextLength: number | null;
  /** Layers on the cards, the output counting as one. */
  readonly gpuLayers: number | null;
  readonly cacheType: CacheType;
  /** Where the model and the card can do it. */
  readonly flashAttention: boolean;
}

export const defaultLoad: LoadSettings = { contextLength: null, gpuLayers: null, cacheType: 'F16', flashAttention: true };

/** Longest context that is made unasked. What a model was trained for may be 128 times as much, and as much memory. */
export const DEFAULT_CONTEXT_LENGTH = 8192;
/** A model that does not fit with this much is not worth loading; llama.cpp's contexts are multiples of it. */
export const LEAST_CONTEXT_LENGTH = 256;

export interface LoadPlan extends Advice {
  /** What the model would be loaded with. */
  readonly contextLength: number;
  readonly gpuLayers: number;
  /** The context would be longer if there were room. */
  readonly isShrunk: boolean;
}

/**
 * What loading a model takes, and what would make it fit. Without a context of the user's own it is as long as the model was trained
 * for, up to `DEFAULT_CONTEXT_LENGTH`, and as memory allows.
 */
export function planLoad(shape: ModelShape, settings: LoadSettings, room: Room, beside: Beside = {}): LoadPlan {
  const longest = Math.max(LEAST_CONTEXT_LENGTH, Math.min(shape.contextLength ?? DEFAULT_CONTEXT_LENGTH, DEFAULT_CONTEXT_LENGTH));
  const asked: Question = {
    shape,
    settings: {
      contextLength: settings.contextLength ?? longest,
      keyType: settings.cacheType,
      valueType: settings.cacheType,
      flashAttention: settings.flashAttention,
      gpuLayers: 0,
      cards: [],
    },
    room,
    beside,
  };
  const placed = place(asked, settings.gpuLayers);
  const contextLength = settings.contextLength ?? largestContext(placed, longest) ?? LEAST_CONTEXT_LENGTH;
  const advice = advise({ ...placed, settings: { ...placed.settings, contextLength } });
  const isShrunk = settings.contextLength === null && contextLength <= longest - LEAST_CONTEXT_LENGTH;
  return { ...advice, contextLength, gpuLayers: advice.estimate.settings.gpuLayers, isShrunk };
}

/** What a remedy changes of how a model is loaded; undefined of what no load has. */
export function loadChange(remedy: Remedy): Partial<LoadSettings> | undefined {
  switch (remedy.kind) {
    case 'context':
      return { contextLength: remedy.contextLength };
    case 'layers':
      return { gpuLayers: remedy.gpuLayers };
    case 'cacheType':
      return { cacheType: remedy.cacheType, flashAttention: true };
    case 'flashAttention':
      return { flashAttention: true };
    case 'sequences':
      return undefined;
  }
}

/** With so many layers on the cards, or as many as fit. */
function place(question: Question, gpuLayers: number | null): Question {
  const { cardBytes } = question.room;
  if (cardBytes.length === 0 || gpuLayers === 0) return question;
  const split = gpuLayers === null ? bestSplit(question) : { gpuLayers, cards: cardBytes };
  return split === undefined ? question : { ...question, settings: { ...question.settings, ...split } };
}
