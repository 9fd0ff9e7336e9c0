/** Which target to take, and which of several finished files: one rule for every place that names one. */

/** A rise in perplexity that hardly anybody notices. llama.cpp's own tables put its usual types of 4 to 6 bits below it. */
const SMALL_RISE = 0.01;

/** llama.cpp's mixes by falling size: what a step down costs is known for each. All of them work without an importance matrix. */
const LADDER = ['Q8_0', 'Q6_K', 'Q5_K_M', 'Q4_K_M', 'IQ4_XS', 'Q3_K_M', 'Q2_K'] as const;

/** Small models have less to spare: the same type costs them more (llama.cpp, tools/quantize/README.md, 1B against 8B). */
const FIRST_CHOICE: readonly { readonly belowParameters: number; readonly target: (typeof LADDER)[number] }[] = [
  { belowParameters: 1e9, target: 'Q8_0' },
  { belowParameters: 5e9, target: 'Q5_K_M' },
  { belowParameters: Number.POSITIVE_INFINITY, target: 'Q4_K_M' },
];

export interface TargetFacts {
  readonly target: string;
  /** Memory to run it; null where it cannot be made. */
  readonly needBytes: number | null;
  /** Perplexity over the source's, less 1, where it was measured on this model. */
  readonly perplexityRise?: number | undefined;
}

/**
 * `measured`: the smallest that is known to lose little; `balance`: small and good for most; `smallModel`: small models lose much in
 * fewer bits; `memory`: the largest that fits.
 */
export type TargetReason = 'measured' | 'balance' | 'smallModel' | 'memory';

/**
 * The target to begin with, or null where none fits.
 * @param memoryBytes what models may take; null: not known
 */
export function recommendTarget(
  targets: readonly TargetFacts[],
  { parameterCount, memoryBytes }: { readonly parameterCount: number | undefined; readonly memoryBytes: number | null },
): { readonly target: string; readonly reason: TargetReason } | null {
  const fits = (facts: TargetFacts | undefined): facts is TargetFacts =>
    facts !== undefined && facts.needBytes !== null && (memoryBytes === null || facts.needBytes <= memoryBytes);
  const ladder = LADDER.map((target) => targets.find((facts) => facts.target === target));
  const good = ladder.findLast((facts) => fits(facts) && facts.perplexityRise !== undefined && facts.perplexityRise < SMALL_RISE);
  if (good !== undefined) return { target: good.target, reason: 'measured' };

  const first = FIRST_CHOICE.find(({ belowParameters }) => (parameterCount ?? Number.POSITIVE_INFINITY) < belowParameters);
  const start = LADDER.indexOf(first?.target ?? 'Q4_K_M');
  // What was measured and found wanting is passed over, towards the larger ones.
  for (let step = start; step >= 0; step -= 1) {
    const facts = ladder[step];
    if (fits(facts) && facts.perplexityRise === undefined)
      return { target: facts.target, reason: LADDER[start] === 'Q4_K_M' ? 'balance' : 'smallModel' };
  }
  const largest = ladder.slice(start).find(fits);
  return largest === undefined ? null : { target: largest.target, reason: 'memory' };
}

export interface VariantFacts {
  readonly id: string;
  readonly sizeBytes: number;
  readonly needBytes: number;
  readonly perplexityRise: number;
  readonly meanKl: number;
}

/** `smallestGood`: the smallest that loses little; `leastLoss`: all lose more, this one least; `leastMemory`: none fits. */
export type VariantReason = 'smallestGood' | 'leastLoss' | 'leastMemory';

/** Of several files of one model the one to take, or null where there are none. All measured on the same text. */
export function recommendVariant<T extends VariantFacts>(
  variants: readonly T[],
  memoryBytes: number | null,
): { readonly variant: T; readonly reason: VariantReason } | null {
  const least = (list: readonly T[], of: (variant: T) => number): T | undefined =>
    list.reduce<T | undefined>((best, variant) => (best === undefined || of(variant) < of(best) ? variant : best), undefined);
  const fitting = variants.filter(({ needBytes }) => memoryBytes === null || needBytes <= memoryBytes);
  const good = least(
    fitting.filter(({ perplexityRise }) => perplexityRise < SMALL_RISE),
    ({ sizeBytes }) => sizeBytes,
  );
  if (good !== undefined) return { variant: good, reason: 'smallestGood' };
  const closest = least(fitting, ({ meanKl }) => meanKl);
  if (closest !== undefined) return { variant: closest, reason: 'leastLoss' };
  const smallest = least(variants, ({ needBytes }) => needBytes);
  return smallest === undefined ? null : { variant: smallest, reason: 'leastMemory' };
}
