import { trainedTokens, type TokenSample } from './rows.ts';

/** What a dataset is for a model, in numbers. */

export interface LengthBucket {
  /** Tokens, `from` included, `to` not. */
  readonly from: number;
  readonly to: number;
  readonly samples: number;
}

export interface DataNumbers {
  readonly samples: number;
  readonly tokens: number;
  readonly trainedTokens: number;
  readonly longest: number;
  readonly medianLength: number;
  readonly lengths: readonly LengthBucket[];
}

const BUCKETS = 16;

/** Lengths in buckets of equal width, the last with the longest. */
export function dataNumbers(samples: readonly TokenSample[]): DataNumbers {
  const lengths = samples.map(({ tokens }) => tokens.length).toSorted((a, b) => a - b);
  const longest = lengths.at(-1) ?? 0;
  const width = Math.max(1, Math.ceil((longest + 1) / BUCKETS));
  const buckets = Array.from({ length: longest === 0 ? 0 : Math.ceil((longest + 1) / width) }, (_, index) => ({
    from: index * width,
    to: (index + 1) * width,
    samples: 0,
  }));
  for (const length of lengths) {
    const bucket = buckets[Math.floor(length / width)];
    if (bucket !== undefined) bucket.samples++;
  }
  return {
    samples: samples.length,
    tokens: lengths.reduce((sum, each) => sum + each, 0),
    trainedTokens: samples.reduce((sum, each) => sum + trainedTokens(each), 0),
    longest,
    medianLength: lengths[Math.floor((lengths.length - 1) / 2)] ?? 0,
    lengths: buckets,
  };
}
