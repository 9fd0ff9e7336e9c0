import type { Total } from './amount.ts';
import { ruleInference, ruleMethod, ruleWeights, type ByteRange, type Precision, type RuleMethod } from './rules.ts';

/**
 * Why the exact answer is not the rule's. `weights`: tensors of several types, and an embedding counted as it is. Every other
 * one is a part that the rule only knows as a factor.
 */
export interface Difference<Kind extends string> {
  readonly kind: Kind;
  /** What the rule has for this part: the weights' bytes, else null. */
  readonly ruleBytes: number | null;
  readonly exactBytes: number;
}

export interface Comparison<Kind extends string> {
  readonly rule: ByteRange;
  readonly exact: ByteRange & { readonly bytes: number };
  /** Whether the exact answer lies within the rule's range. */
  readonly agrees: boolean;
  /** Exact bytes / bytes of the weights by the rule: what the rule's factor would have to be. 0 where there is nothing. */
  readonly factor: number;
  /** Largest first. */
  readonly differences: readonly Difference<Kind>[];
}

/** An exact estimate of running a model beside the simple rule. */
export const compareInference = <K extends string>(exact: Total<K>, parameters: number, precision: Precision): Comparison<K> =>
  compare(exact, ruleInference(parameters, precision), ruleWeights(parameters, precision));

/** An exact estimate of training beside the simple rule. */
export const compareTraining = <K extends string>(exact: Total<K>, parameters: number, method: RuleMethod): Comparison<K> =>
  compare(exact, ruleMethod(parameters, method), ruleWeights(parameters, 'fp16'));

function compare<K extends string>(exact: Total<K>, rule: ByteRange, weightBytes: number): Comparison<K> {
  const bytes = exact.totalBytes;
  return {
    rule,
    exact: { bytes, lowBytes: exact.lowBytes, highBytes: exact.highBytes },
    agrees: bytes >= rule.lowBytes && bytes <= rule.highBytes,
    factor: weightBytes > 0 ? bytes / weightBytes : 0,
    differences: exact.amounts
      .map((amount) => ({ kind: amount.kind, ruleBytes: amount.kind === 'weights' ? weightBytes : null, exactBytes: amount.bytes }))
      .toSorted((left, right) => Math.abs(right.exactBytes - (right.ruleBytes ?? 0)) - Math.abs(left.exactBytes - (left.ruleBytes ?? 0))),
  };
}
