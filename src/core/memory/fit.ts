import { estimateShape, type Beside, type InferenceEstimate } from './inference.ts';
import type { CacheType } from './cache-types.ts';
import type { InferenceSettings } from './settings.ts';
import type { ModelShape } from './shape.ts';

/** Memory that a model can have: of the computer, and of each card. */
export interface Room {
  readonly processorBytes: number;
  readonly cardBytes: readonly number[];
}

/**
 * - `fits`: even at the upper end of the range.
 * - `tight`: the estimate fits, the upper end does not.
 * - `short`: it does not fit.
 */
export type FitStatus = 'fits' | 'tight' | 'short';

export interface Fit {
  readonly status: FitStatus;
  /** Bytes that are missing on the devices that are too small: the processor first. */
  readonly shortBytes: readonly number[];
  /** Their sum. */
  readonly missingBytes: number;
}

/** Whether an estimate fits, and by how much it does not. */
export function fitOf(estimate: InferenceEstimate, room: Room): Fit {
  const shortBytes = estimate.devices.map(({ totalBytes }, index) => Math.max(0, totalBytes - capacityOf(room, index)));
  const missingBytes = shortBytes.reduce((sum, bytes) => sum + bytes, 0);
  const isTight = estimate.devices.some(({ highBytes }, index) => highBytes > capacityOf(room, index));
  return { status: missingBytes > 0 ? 'short' : isTight ? 'tight' : 'fits', shortBytes, missingBytes };
}

/** Of the processor (0), or of a card (from 1 on). */
const capacityOf = ({ processorBytes, cardBytes }: Room, index: number): number =>
  finite(index === 0 ? processorBytes : cardBytes[index - 1]);

const finite = (bytes: number | undefined): number => (bytes !== undefined && bytes > 0 ? bytes : 0);

/** A model, how it is to be run, and where. */
export interface Question {
  readonly shape: ModelShape;
  readonly settings: InferenceSettings;
  readonly room: Room;
  readonly beside?: Beside;
}

const fitsWith = (question: Question, changed: InferenceSettings): boolean => spareBytes(question, changed) >= 0;

/** Bytes that the fullest device has left; below zero: that are missing there. */
function spareBytes({ shape, settings, room, beside }: Question, changed: InferenceSettings, first = 0): number {
  return spareOf(estimateShape(shape, { ...settings, ...changed }, beside), room, first);
}

const spareOf = ({ devices }: InferenceEstimate, room: Room, first = 0): number =>
  Math.min(...devices.slice(first).map(({ totalBytes }, index) => capacityOf(room, index + first) - totalBytes));

/** llama.cpp's contexts are multiples of this. */
const CONTEXT_STEP = 256;
/** Contexts of models that do not say what they were trained with. */
const LONGEST_UNKNOWN = 131_072;

/** Guesses by proportion, before halving what is left is surer. */
const GUESSES = 6;

/**
 * The largest whole number from `least` to `most` that leaves something, undefined where none does. `spare` falls, and nearly on
 * a straight line: so the next to try is where that line would be at zero, and a few estimates are enough.
 * @param beyond what `most` + 1 leaves, where it is known that this is below zero
 */
function largest(least: number, most: number, spare: (value: number) => number, beyond?: number): number | undefined {
  if (most < least) return undefined;
  let [low, lowSpare] = [least, spare(least)];
  if (lowSpare < 0) return undefined;
  let [high, highSpare] = beyond === undefined ? [most, most === least ? lowSpare : spare(most)] : [most + 1, beyond];
  if (highSpare >= 0) return most;
  for (let tries = 0; high - low > 1; tries += 1) {
    const share = tries < GUESSES ? lowSpare / (lowSpare - highSpare) : 0.5;
    const middle = Math.min(high - 1, Math.max(low + 1, low + Math.floor((high - low) * share)));
    const found = spare(middle);
    if (found >= 0) [low, lowSpare] = [middle, found];
    else [high, highSpare] = [middle, found];
  }
  return low;
}

/**
 * The largest context that fits. Undefined where not even the smallest does.
 * @param longest default: what the model was trained with
 */
export const largestContext = (question: Question, longest = question.shape.contextLength ?? LONGEST_UNKNOWN): number | undefined =>
  contextBelow(question, longest);

function contextBelow(question: Question, longest: number, beyond?: number): number | undefined {
  const most = Math.max(1, Math.floor(longest / CONTEXT_STEP));
  const steps = largest(1, most, (value) => spareBytes(question, { contextLength: value * CONTEXT_STEP }), beyond);
  return steps === undefined ? undefined : steps * CONTEXT_STEP;
}

export interface Split {
  readonly gpuLayers: number;
  readonly cards: readonly number[];
}

/**
 * The most layers on the cards that fit, shared among them by what each has left beside its part of the computation. A card
 * that computes borrows memory even with no layer of its own: where that does not fit, none is used. Undefined where the
 * computer's memory does not hold the rest.
 */
export function bestSplit(question: Question): Split | undefined {
  const { shape, settings, room, beside } = question;
  const none: Split = { gpuLayers: 0, cards: [] };
  const free = room.cardBytes.map(finite);
  if (free.some((bytes) => bytes > 0)) {
    const all = shape.layers.length + 1;
    const { devices } = estimateShape(shape, { ...settings, gpuLayers: all, cards: free }, beside);
    const left = free.map((bytes, card) => {
      const amounts = devices[card + 1]?.amounts ?? [];
      const fixed = amounts.filter(({ kind }) => kind !== 'weights' && kind !== 'cache' && kind !== 'state');
      return Math.max(0, bytes - fixed.reduce((sum, amount) => sum + amount.bytes, 0));
    });
    const holds = (cards: readonly number[]) => (gpuLayers: number) => fitsWith(question, { gpuLayers, cards });
    // Fewer layers on the cards are more for the computer, so both ends can be short: try from the most downwards.
    for (const cards of [left, free]) {
      if (cards.every((bytes) => bytes === 0)) continue;
      if (holds(cards)(all)) return { gpuLayers: all, cards };
      const gpuLayers = largest(1, all, (value) => spareBytes(question, { gpuLayers: value, cards }, 1));
      if (gpuLayers !== undefined && holds(cards)(gpuLayers)) return { gpuLayers, cards };
    }
  }
  return fitsWith(question, none) ? none : undefined;
}

/** Something that would make a model fit. */
export type Remedy =
  | { readonly kind: 'context'; readonly contextLength: number }
  /** Fewer layers on the cards, or more of them: `moved` is the difference. */
  | { readonly kind: 'layers'; readonly gpuLayers: number; readonly cards: readonly number[]; readonly moved: number }
  | { readonly kind: 'cacheType'; readonly cacheType: CacheType }
  | { readonly kind: 'flashAttention' }
  | { readonly kind: 'sequences'; readonly sequences: number };

export interface Advice extends Fit {
  readonly estimate: InferenceEstimate;
  /** Each alone is enough; those that change least come first. Empty where it fits, or nothing helps. */
  readonly remedies: readonly Remedy[];
}

/** From nearly lossless to what is heard. */
const smallerCaches: readonly CacheType[] = ['Q8_0', 'Q4_0'];

/** Whether a model fits, and if not what would make it: "needs 1.4 GiB more: use a context of 4,096 or move 6 layers". */
export function advise(question: Question): Advice {
  const { shape, settings, room, beside } = question;
  const estimate = estimateShape(shape, settings, beside);
  const fit = fitOf(estimate, room);
  if (fit.status !== 'short') return { ...fit, estimate, remedies: [] };
  const used = estimate.settings;
  const remedies: Remedy[] = [];
  if (!used.flashAttention && fitsWith(question, { flashAttention: true })) remedies.push({ kind: 'flashAttention' });
  const split = bestSplit(question);
  if (split !== undefined && split.gpuLayers !== used.gpuLayers)
    remedies.push({ kind: 'layers', ...split, moved: Math.abs(split.gpuLayers - used.gpuLayers) });
  const contextLength =
    used.contextLength > CONTEXT_STEP ? contextBelow(question, used.contextLength - CONTEXT_STEP, spareOf(estimate, room)) : undefined;
  if (contextLength !== undefined) remedies.push({ kind: 'context', contextLength });
  const cacheType = smallerCaches.find(
    (type) => type !== used.keyType && fitsWith(question, { keyType: type, valueType: type, flashAttention: true }),
  );
  if (cacheType !== undefined) remedies.push({ kind: 'cacheType', cacheType });
  if (used.sequences > 1 && fitsWith(question, { sequences: 1 })) {
    const sequences = largest(1, used.sequences - 1, (value) => spareBytes(question, { sequences: value })) ?? 1;
    remedies.push({ kind: 'sequences', sequences });
  }
  return { ...fit, estimate, remedies };
}
