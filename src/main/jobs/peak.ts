import { setTimeout as delay } from 'node:timers/promises';
import { PROCESS_BYTES } from '#core/memory/inference.ts';
import type { MemoryMeasurement } from '#contract/memory.ts';
import type { Memory } from '../memory/index.ts';

/** Often enough to see what a tensor of a moment takes. */
const SAMPLE_EVERY_MS = 100;
/** Fewer samples have not seen the most. */
const LEAST_SAMPLES = 4;

interface Pinged {
  readonly health: { ping(input: Record<string, never>): Promise<{ readonly residentBytes: number }> };
}

/** What was told of a work before. */
interface Told {
  readonly kind: 'quantize' | 'merge';
  readonly modelName: string;
  readonly settings: MemoryMeasurement['settings'];
  /** On top of the engine's own process. */
  readonly memoryBytes: number;
}

/** Do a work that writes a model in an engine, and keep what its process took beside what was told; unless it only went on with another. */
export async function measuredWork<T extends { readonly resumedTensors: number }>(
  engine: Pinged,
  memory: Pick<Memory, 'record'>,
  { kind, modelName, settings, memoryBytes }: Told,
  work: () => Promise<T>,
): Promise<T> {
  const { value, peakBytes } = await withPeak(engine, work);
  if (peakBytes !== null && value.resumedTensors === 0) {
    const predictedBytes = memoryBytes + PROCESS_BYTES;
    memory.record({ kind, modelName, device: 'processor', settings, predictedBytes, measuredBytes: peakBytes });
  }
  return value;
}

/**
 * Do a work in an engine, and say the most memory that its process had meanwhile; null where it was over too soon to tell.
 * The work's own failure is the only one.
 */
async function withPeak<T>(engine: Pinged, work: () => Promise<T>): Promise<{ readonly value: T; readonly peakBytes: number | null }> {
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
