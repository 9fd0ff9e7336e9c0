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

/** Tokens of a sample that are predicted: the first has nothing before it. */
export const trainedTokens = ({ mask }: TokenSample): number => mask.subarray(1).reduce((sum, each) => sum + each, 0);
