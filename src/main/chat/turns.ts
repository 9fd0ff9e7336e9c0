/** Lets one in at a time, in the order of their coming. */
export interface Turnstile {
  /** Wait for one's turn; returns what ends it. Rejects when the signal aborts first. */
  enter(signal: AbortSignal): Promise<() => void>;
}

export function turnstile(): Turnstile {
  let last: Promise<void> = Promise.resolve();
  return {
    enter: async (signal) => {
      signal.throwIfAborted();
      const before = last;
      const { promise, resolve } = Promise.withResolvers<void>();
      last = promise;
      const { promise: aborted, reject } = Promise.withResolvers<never>();
      const leave = (): void => reject(signal.reason);
      signal.addEventListener('abort', leave, { once: true });
      try {
        await Promise.race([before, aborted]);
      } catch (error) {
        // Whoever comes after waits for those before, not for one who left.
        void before.then(resolve);
        throw error;
      } finally {
        signal.removeEventListener('abort', leave);
      }
      return resolve;
    },
  };
}
