/** Functions to be called with every value of a kind. */
export interface Listeners<T> {
  emit(value: T): void;
  /** Returns what takes it away again. */
  add(listener: (value: T) => void): () => void;
  readonly count: () => number;
}

export function listeners<T>(): Listeners<T> {
  const all = new Set<(value: T) => void>();
  return {
    emit: (value) => {
      for (const listener of all) listener(value);
    },
    add: (listener) => {
      all.add(listener);
      return () => void all.delete(listener);
    },
    count: () => all.size,
  };
}

export interface StreamOptions<T> {
  readonly signal: AbortSignal;
  /** A newer value takes the place of a waiting one with the same key, so that a slow reader holds up nobody and nothing piles up. */
  readonly key: (value: T) => string;
  /** Most values that wait; the oldest are dropped. For values that all have keys of their own. */
  readonly limit?: number;
  /** What comes before anything else. */
  readonly first?: Iterable<T>;
  /** Whether a value is the last one. */
  readonly isLast?: (value: T) => boolean;
}

/** Values from now on, until the signal aborts or the last one came. Listening begins at the call, not at the first `next`. */
export function streamOf<T>(subscribe: (listener: (value: T) => void) => () => void, options: StreamOptions<T>): AsyncGenerator<T, void> {
  const { signal, key, first = [], isLast = () => false, limit = Infinity } = options;
  const waiting = new Map<string, T>();
  let wake: (() => void) | undefined;
  const push = (value: T): void => {
    const name = key(value);
    waiting.delete(name);
    waiting.set(name, value);
    const [oldest] = waiting.keys();
    if (waiting.size > limit && oldest !== undefined) waiting.delete(oldest);
    wake?.();
  };
  const leave = subscribe(push);
  for (const value of first) push(value);

  async function* values(): AsyncGenerator<T, void> {
    const onAbort = (): void => wake?.();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      while (!signal.aborted) {
        const [entry] = waiting;
        if (entry === undefined) {
          await new Promise<void>((resolve) => (wake = resolve));
          continue;
        }
        waiting.delete(entry[0]);
        yield entry[1];
        if (isLast(entry[1])) return;
      }
    } finally {
      leave();
      signal.removeEventListener('abort', onAbort);
    }
  }
  const iterator = values();
  // A generator that was never begun runs no `finally`.
  signal.addEventListener('abort', leave, { once: true });
  return iterator;
}
