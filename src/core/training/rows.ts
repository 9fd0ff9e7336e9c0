import { packedRow, planPacking } from './packing.ts';

/** What goes through the model at once: samples as rows of tokens, with what follows each. */

/** A sample as the model sees it. */
export interface TokenSample {
  readonly tokens: Int32Array;
  /** 1 for each token that is learned. */
  readonly mask: Uint8Array;
}

/** All arrays are equally long; `src/engine/native-train.ts` says what they hold. */
export interface Row {
  readonly tokens: Int32Array;
  readonly positions: Int32Array;
  readonly segments: Int32Array;
  readonly labels: Int32Array;
  readonly weights: Float32Array;
}

/** One row of samples that do not see each other, exactly as long as they are. */
export function rowOf(samples: readonly TokenSample[]): Row {
  const length = samples.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const { positions, segments } = packedRow(
    samples.map(({ tokens }) => tokens.length),
    length,
  );
  const tokens = new Int32Array(length);
  const labels = new Int32Array(length).fill(-1);
  const weights = new Float32Array(length);
  let first = 0;
  for (const sample of samples) {
    tokens.set(sample.tokens, first);
    for (let i = 1; i < sample.tokens.length; i++)
      if (sample.mask[i] === 1) {
        labels[first + i - 1] = sample.tokens[i] ?? 0;
        weights[first + i - 1] = 1;
      }
    first += sample.tokens.length;
  }
  return { tokens, positions, segments, labels, weights };
}

/** Rows of a dataset by the samples in each. Samples must fit. */
export function rowsOf(samples: readonly TokenSample[], maxLength: number, isPacked: boolean): readonly (readonly number[])[] {
  if (!isPacked) return samples.map((_, index) => [index]);
  return planPacking(
    samples.map(({ tokens }) => tokens.length),
    maxLength,
  ).rows;
}

/**
 * Tokens that go through the model together on a CPU where rows are short: a product of so many takes weights from memory, and makes
 * floats of them, once. More than that gains nothing more.
 */
export const TOGETHER_TOKENS = 1024;

/** Neighbouring rows as one while they are no longer than `most` tokens together. Samples do not see each other in any case. */
export function joinRows(
  rows: readonly (readonly number[])[],
  tokensOf: (row: readonly number[]) => number,
  most: number,
): readonly (readonly number[])[] {
  const joined: number[][] = [];
  let length = 0;
  for (const row of rows) {
    const tokens = tokensOf(row);
    length += tokens;
    if (joined.length > 0 && length <= most) joined.at(-1)?.push(...row);
    else {
      joined.push([...row]);
      length = tokens;
    }
  }
  return joined;
}

/** Tokens of the longest that `joinRows` can make of `count` rows. */
export const longestTogether = (longest: number, count: number): number => Math.max(longest, Math.min(TOGETHER_TOKENS, longest * count));

/** Tokens of a sample that are predicted: the first has nothing before it. */
export const trainedTokens = ({ mask }: TokenSample): number => mask.subarray(1).reduce((sum, each) => sum + each, 0);
