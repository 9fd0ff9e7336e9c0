import { describe, expect, test } from 'vitest';
import { recommendTarget, recommendVariant, type TargetFacts, type VariantFacts } from '#core/quantize/recommend.ts';

const GB = 1e9;

/** An 8-billion model's sizes, near enough. */
const targets = (changes: Record<string, Partial<TargetFacts>> = {}): TargetFacts[] =>
  (
    [
      ['F16', 16],
      ['Q8_0', 8.5],
      ['Q6_K', 6.6],
      ['Q5_K_M', 5.7],
      ['Q4_K_M', 4.9],
      ['IQ4_XS', 4.4],
      ['Q3_K_M', 4],
      ['Q2_K', 3.2],
      ['nf4', 5],
    ] as const
  ).map(([target, size]) => ({ target, needBytes: size * GB, ...changes[target] }));

describe('the target to begin with', () => {
  test('keeps more bits for small models, which have less to spare', () => {
    const of = (parameterCount: number) => recommendTarget(targets(), { parameterCount, memoryBytes: null });
    expect(of(656_000)).toEqual({ target: 'Q8_0', reason: 'smallModel' });
    expect(of(3e9)).toEqual({ target: 'Q5_K_M', reason: 'smallModel' });
    expect(of(8e9)).toEqual({ target: 'Q4_K_M', reason: 'balance' });
  });

  test('goes down to what the memory holds, and says so', () => {
    expect(recommendTarget(targets(), { parameterCount: 8e9, memoryBytes: 4.2 * GB })).toEqual({ target: 'Q3_K_M', reason: 'memory' });
    expect(recommendTarget(targets(), { parameterCount: 5e8, memoryBytes: 6 * GB })).toEqual({ target: 'Q5_K_M', reason: 'memory' });
    expect(recommendTarget(targets(), { parameterCount: 8e9, memoryBytes: 1 * GB })).toBeNull();
  });

  test('trusts a measurement more than the rule', () => {
    const measured = targets({ Q4_K_M: { perplexityRise: 0.03 }, Q6_K: { perplexityRise: 0.004 } });
    expect(recommendTarget(measured, { parameterCount: 8e9, memoryBytes: null })).toEqual({ target: 'Q6_K', reason: 'measured' });
    const bad = targets({ Q4_K_M: { perplexityRise: 0.03 } });
    expect(recommendTarget(bad, { parameterCount: 8e9, memoryBytes: null })).toEqual({ target: 'Q5_K_M', reason: 'balance' });
  });

  test('passes over what cannot be made', () => {
    expect(recommendTarget(targets({ Q4_K_M: { needBytes: null } }), { parameterCount: 8e9, memoryBytes: null })?.target).toBe('Q5_K_M');
    expect(recommendTarget([], { parameterCount: undefined, memoryBytes: null })).toBeNull();
  });
});

describe('the file to take', () => {
  const variant = (id: string, size: number, perplexityRise: number, meanKl: number): VariantFacts => ({
    id,
    sizeBytes: size * GB,
    needBytes: (size + 0.3) * GB,
    perplexityRise,
    meanKl,
  });
  const family = [variant('q8', 8.5, 0.0004, 0.0006), variant('q5', 5.7, 0.006, 0.008), variant('q4', 4.9, 0.018, 0.021)];

  test('is the smallest that loses less than one percent of perplexity and fits', () => {
    expect(recommendVariant(family, null)).toMatchObject({ variant: { id: 'q5' }, reason: 'smallestGood' });
    expect(recommendVariant(family, 5.5 * GB)).toMatchObject({ variant: { id: 'q4' }, reason: 'leastLoss' });
  });

  test('is the one nearest to the source where all lose more', () => {
    const coarse = [variant('a', 3, 0.09, 0.11), variant('b', 3.5, 0.12, 0.07)];
    expect(recommendVariant(coarse, null)).toMatchObject({ variant: { id: 'b' }, reason: 'leastLoss' });
  });

  test('is the one that needs least memory where none fits, and none where there is none', () => {
    expect(recommendVariant(family, 1 * GB)).toMatchObject({ variant: { id: 'q4' }, reason: 'leastMemory' });
    expect(recommendVariant([], null)).toBeNull();
  });
});
