/** Whether a run is still worth its time: early stopping, and losses that no longer mean anything. */

/** The part of a run's state that decides; it is kept with every checkpoint. */
export interface WatchState {
  /** Of the first step, before anything was changed; absent in states of earlier versions. */
  readonly first?: number;
  /** Losses of the last steps. */
  readonly recent: readonly number[];
  /** The least mean of `WINDOW` steps so far; null before there was one. */
  readonly leastMean: number | null;
  /** The step that ended them. */
  readonly leastMeanStep: number;
  /** Steps one after another that were far above the others, or not finite. */
  readonly bad: number;
  readonly bestEval: { readonly step: number; readonly loss: number } | null;
  /** Evaluations since the best one. */
  readonly evaluationsSince: number;
}

export const newWatch: WatchState = { recent: [], leastMean: null, leastMeanStep: 0, bad: 0, bestEval: null, evaluationsSince: 0 };

export type Trouble = 'notFinite' | 'spike' | 'divergence' | 'lost';

/** Steps whose losses are held against each other: batches differ, so a single one says little. */
const WINDOW = 10;
/** A loss of so many medians is no batch that is merely harder. */
const SPIKE_FACTOR = 3;
/** A mean of so many times the least one, and by so much in nats, is a run that forgets what it knew. */
const DIVERGENCE_FACTOR = 1.5;
const DIVERGENCE_NATS = 0.5;
/** A model so much better than a guess had learned something. */
const KNOWING_NATS = 1;
/** Bad steps one after another: gradients that are not finite are skipped, and one bad batch is no reason. */
const MOST_BAD = 3;

/**
 * After step `step`. `applied` is false where gradients were not finite and the step was skipped.
 * @param guess the loss of a guess that takes all tokens for alike: the logarithm of their number
 */
export function watchStep(
  state: WatchState,
  step: number,
  loss: number,
  applied: boolean,
  guess: number,
): { readonly state: WatchState; readonly trouble: Trouble | null } {
  if (!applied || !Number.isFinite(loss)) {
    const bad = state.bad + 1;
    return { state: { ...state, bad }, trouble: bad >= MOST_BAD ? 'notFinite' : null };
  }
  const isSpike =
    state.recent.length === WINDOW && loss > SPIKE_FACTOR * median(state.recent) && loss > median(state.recent) + DIVERGENCE_NATS;
  if (isSpike) {
    const bad = state.bad + 1;
    // What spikes is not taken for what is usual.
    return { state: { ...state, bad }, trouble: bad >= MOST_BAD ? 'spike' : null };
  }
  const recent = [...state.recent, loss].slice(-WINDOW);
  const first = step === 1 ? { first: loss } : {};
  if (recent.length < WINDOW) return { state: { ...state, ...first, recent, bad: 0 }, trouble: null };
  const mean = recent.reduce((sum, each) => sum + each, 0) / WINDOW;
  // A rate far too high ruins a model in its first steps: then there are no better losses to hold the bad ones against.
  const isLost = state.leastMean === null && (state.first ?? Infinity) < guess - KNOWING_NATS && mean > guess;
  const isLeast = mean < (state.leastMean ?? Infinity);
  const least = isLeast ? mean : (state.leastMean ?? mean);
  const diverges = mean > DIVERGENCE_FACTOR * least && mean > least + DIVERGENCE_NATS;
  return {
    state: { ...state, recent, leastMean: least, leastMeanStep: isLeast ? step : state.leastMeanStep, bad: 0 },
    trouble: isLost ? 'lost' : diverges ? 'divergence' : null,
  };
}

/** After an evaluation. `patience` 0 never stops. */
export function watchEvaluation(
  state: WatchState,
  step: number,
  loss: number,
  patience: number,
): { readonly state: WatchState; readonly isBest: boolean; readonly stops: boolean } {
  const isBest = Number.isFinite(loss) && loss < (state.bestEval?.loss ?? Infinity);
  const evaluationsSince = isBest ? 0 : state.evaluationsSince + 1;
  return {
    state: { ...state, evaluationsSince, bestEval: isBest ? { step, loss } : state.bestEval },
    isBest,
    stops: patience > 0 && evaluationsSince >= patience,
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[Math.floor((sorted.length - 1) / 2)] ?? 0) + (sorted[Math.floor(sorted.length / 2)] ?? 0)) / 2;
}
