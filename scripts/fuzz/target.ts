import type { Random } from './random.ts';

/** What a reader is given: its files, or its texts. */
export type Parts = readonly Uint8Array[];

/** A reader of what comes from outside. */
export interface Target {
  readonly name: string;
  /** Codes that it may refuse with. All other errors are findings. */
  readonly codes: RegExp;
  /** A valid input, as a rule with damage. */
  make(random: Random): Parts;
  /**
   * Read an input, and hold what was read against what the reader promises.
   * @returns how it ended, in one word
   */
  run(parts: Parts): Promise<string> | string;
  /** How long one input takes, against a header's. Default 1. */
  readonly cost?: number;
}

/** A reader broke what it promises of what it accepted. */
export class BrokenPromise extends Error {}

export function promise(isKept: boolean, claim: string): void {
  if (!isKept) throw new BrokenPromise(claim);
}
