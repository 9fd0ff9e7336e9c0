export interface PushStream<T> {
  push(value: T): void;
  /** No more values; with an error the reader's loop throws it after the last of them. */
  end(error?: unknown): void;
  /** For one reader. */
  values(): AsyncGenerator<T, void>;
}

/**
 * A stream from work that goes on at its own speed. What waits for a slow reader is merged, so that it does not pile up.
 * @param merge two values that follow each other as one, or undefined where both have to be seen
 */
export function pushStream<T>(merge: (waiting: T, next: T) => T | undefined): PushStream<T> {
  const waiting: T[] = [];
  let ending: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;
  return {
    push: (value) => {
      const last = waiting.at(-1);
      const merged = last === undefined ? undefined : merge(last, value);
      if (merged === undefined) waiting.push(value);
      else waiting[waiting.length - 1] = merged;
      wake?.();
    },
    end: (error) => {
      ending ??= { error };
      wake?.();
    },
    values: async function* () {
      for (;;) {
        const value = waiting.shift();
        if (value !== undefined) yield value;
        else if (ending === undefined) await new Promise<void>((resolve) => (wake = resolve));
        else break;
      }
      if (ending.error !== undefined) throw ending.error;
    },
  };
}
