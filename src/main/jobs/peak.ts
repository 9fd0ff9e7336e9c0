import { setTimeout as delay } from 'node:timers/promises';

/** Often enough to see what a tensor of a moment takes. */
const SAMPLE_EVERY_MS = 250;
/** Fewer samples have not seen the most. */
const LEAST_SAMPLES = 4;

interface Pinged {
  readonly health: { ping(input: Record<string, never>): Promise<{ readonly residentBytes: number }> };
}

/**
 * Do a work in an engine, and say the most memory that its process had meanwhile; null where it was over too soon to tell.
 * The work's own failure is the only one.
 */
export async function withPeak<T>(
  engine: Pinged,
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly peakBytes: number | null }> {
  const ended = new AbortController();
  let peakBytes = 0;
  let samples = 0;
  const watch = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      const { residentBytes } = await engine.health.ping({});
      peakBytes = Math.max(peakBytes, residentBytes);
      samples += 1;
      await delay(SAMPLE_EVERY_MS, undefined, { signal: ended.signal, ref: false });
    }
  };
  // It ends with the work, or with the engine, of whose end the work tells.
  const watching = watch().catch(() => undefined);
  try {
    const value = await work();
    return { value, peakBytes: samples < LEAST_SAMPLES ? null : peakBytes };
  } finally {
    ended.abort();
    await watching;
  }
}
