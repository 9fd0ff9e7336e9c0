/** How fast a work goes on, from its last seconds: a disk that slows down shows soon, a single hiccup hardly. */
export interface RateMeter {
  /** What is done in all, at a time that only goes forward. A smaller amount than before begins a new count. */
  add(amount: number, nowMs: number): void;
  /** Units a second; null until there is enough to tell. */
  readonly perSecond: () => number | null;
}

/** What the rate looks back on. */
const WINDOW_MS = 5000;

/** Before this a rate says more about start-up than about the work. */
const LEAST_MS = 500;

export function rateMeter(): RateMeter {
  let samples: { readonly amount: number; readonly timeMs: number }[] = [];
  return {
    add: (amount, timeMs) => {
      const last = samples.at(-1);
      if (last !== undefined && amount < last.amount) samples = [];
      samples.push({ amount, timeMs });
      // The newest one that is older than the window stays, as the window's beginning.
      while ((samples[1]?.timeMs ?? Infinity) <= timeMs - WINDOW_MS) samples.shift();
    },
    perSecond: () => {
      const [first] = samples;
      const last = samples.at(-1);
      if (first === undefined || last === undefined || last.timeMs - first.timeMs < LEAST_MS) return null;
      return ((last.amount - first.amount) * 1000) / (last.timeMs - first.timeMs);
    },
  };
}

/** The time that is left at a rate; null where nothing moves. */
export function remainingMs(amount: number, total: number, perSecond: number | null): number | null {
  if (perSecond === null || perSecond <= 0) return null;
  return Math.round((Math.max(0, total - amount) * 1000) / perSecond);
}
