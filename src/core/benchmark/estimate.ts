import type { SpeedSettings } from './sweep.ts';

/** What is known of a model before a cell of it is measured. */
export interface Known {
  /** Tokens a second, by an earlier measurement. */
  readonly promptPerSecond?: number | undefined;
  readonly newPerSecond?: number | undefined;
  readonly sizeBytes: number;
  /** Undefined: taken for two for each byte of the file, as in four bits. */
  readonly parameterCount?: number | undefined;
}

/** A modest computer of today, where nothing was measured yet: memory bandwidth, arithmetic, reading a file. */
const BYTES_PER_SECOND = 20e9;
const OPERATIONS_PER_SECOND = 100e9;
const LOADED_BYTES_PER_SECOND = 1e9;

/** A process and its libraries. */
const START_MS = 1500;

/** Reading and writing tokens a second: as measured, or by the rule that each token reads every weight or takes two operations with it. */
function ratesOf({ promptPerSecond, newPerSecond, sizeBytes, parameterCount = sizeBytes * 2 }: Known) {
  return {
    reading: promptPerSecond ?? OPERATIONS_PER_SECOND / (2 * Math.max(1, parameterCount)),
    writing: newPerSecond ?? BYTES_PER_SECOND / Math.max(1, sizeBytes),
  };
}

/** How long a speed cell takes, in milliseconds: each repetition fills the context, reads or writes; one warms up. */
export function speedCellMs(settings: SpeedSettings, known: Known): number {
  const { reading, writing } = ratesOf(known);
  const { promptTokens, newTokens, context, repetitions } = settings;
  const seconds =
    ((repetitions + 1) * promptTokens) / reading + (repetitions * newTokens) / writing + (2 * repetitions * context) / reading;
  return START_MS + (known.sizeBytes / LOADED_BYTES_PER_SECOND + seconds) * 1000;
}

/** How long it takes to read so many tokens of a text, in milliseconds. */
export function readingMs(tokens: number, known: Known): number {
  return START_MS + (known.sizeBytes / LOADED_BYTES_PER_SECOND + tokens / ratesOf(known).reading) * 1000;
}

/** How long it takes to write so many, in milliseconds. */
export function writingMs(tokens: number, known: Known): number {
  return START_MS + (known.sizeBytes / LOADED_BYTES_PER_SECOND + tokens / ratesOf(known).writing) * 1000;
}
