import { useSyncExternalStore } from 'react';

/** "5 minutes ago" needs no finer clock. */
const TICK_MS = 60_000;

let nowMs = Date.now();

function subscribe(tick: () => void): () => void {
  const timer = setInterval(() => {
    nowMs = Date.now();
    tick();
  }, TICK_MS);
  return () => clearInterval(timer);
}

/** The time, to the minute. */
export const useNow = (): number => useSyncExternalStore(subscribe, () => nowMs);
