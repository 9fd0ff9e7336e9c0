import { expect, test } from 'vitest';
import { judgeMerge, type Evidence, type MeasuredTensor } from '#core/lora/verdict.ts';

/** A weight of 1000 × 1000 values of size 1, changed by 5 %, that a type rounds by 9 % and a merge by `share` of the change. */
function weight(name: string, share: number, own: Partial<MeasuredTensor> = {}): MeasuredTensor {
  const count = 1e6;
  const change = 0.05 ** 2 * count;
  const rounding = own.rounding ?? 0.09;
  const error = rounding ** 2 * count + (share - 1) ** 2 * change;
  return { name, count, error, norm: count, change, base: count, overlap: share * change, rounding, roundedStrength: 1, ...own };
}

const evidence = (tensors: readonly MeasuredTensor[], own: Partial<Evidence> = {}): Evidence => ({
  tensors,
  otherTensors: [],
  runtime: { meanKl: 0.01, boundMeanKl: 0.02 },
  notRunnable: undefined,
  changedTokenizer: undefined,
  isTemplateChanged: false,
  ...own,
});

const codes = (given: Evidence): readonly string[] => judgeMerge(given).findings.map(({ code }) => code);
const good = ['a', 'b', 'c'].map((name) => weight(name, 1));

test('a merge that is as asked for is green', () => {
  const { verdict, findings, tensors } = judgeMerge(evidence(good));
  expect({ verdict, findings }).toEqual({ verdict: 'green', findings: [] });
  expect(tensors[0]).toMatchObject({ strength: 1, verdict: 'green' });
  expect(tensors[0]?.relativeError).toBeCloseTo(0.09, 12);
  expect(tensors[0]?.relativeChange).toBeCloseTo(0.05, 12);
});

test.each([
  [0.9, 'certificates.wrongScale'],
  [1.1, 'certificates.wrongScale'],
  [-1, 'certificates.wrongScale'],
  [2, 'certificates.mergedTwice'],
  [0, 'certificates.missing'],
])('%d times the change in one weight of four, under rounding that is twice as large, is red: %s', (share, code) => {
  const { verdict, findings, tensors } = judgeMerge(evidence([...good, weight('bad', share)]));
  expect(verdict).toBe('red');
  expect(findings).toMatchObject([{ code, params: { count: 1, total: 4, tensor: 'bad' } }]);
  // Worst first.
  expect(tensors[0]).toMatchObject({ name: 'bad', verdict: 'red', strength: share });
});

test('a change that is small beside its rounding is not judged by its strength', () => {
  // 100 values: the rounding error along ΔW is 9 % · 10 / (5 % · 10) / 10 = 0.18 of it, so even 0 is within two deviations.
  const small = { count: 100, norm: 100, base: 100, change: 0.25, overlap: 0, error: 0.81 };
  const { verdict, findings, tensors } = judgeMerge(evidence([weight('small', 0, small)]));
  expect(tensors[0]?.strength).toBeNull();
  expect(verdict).toBe('amber');
  expect(findings).toMatchObject([{ code: 'certificates.tooSmall', params: { count: 1 } }]);
});

test('weights that no share of the change explains are of another base', () => {
  expect(codes(evidence([...good, weight('other', 1, { error: 4e5 })]))).toEqual(['certificates.otherBase']);
  expect(judgeMerge(evidence([weight('rough', 1, { error: 0.04e6 })]))).toMatchObject({
    verdict: 'amber',
    findings: [{ code: 'certificates.inexact' }],
  });
});

test('a change that the type itself rounds away is amber where it went as far as it can, and red where it did not', () => {
  const lost = { roundedStrength: 0.3, error: 0.002 * 1e6 };
  expect(judgeMerge(evidence([weight('lost', 0.3, lost)]))).toMatchObject({
    verdict: 'amber',
    findings: [{ code: 'certificates.lostInRounding' }],
  });
  expect(judgeMerge(evidence([weight('more', 2, { roundedStrength: 0.9 })])).verdict).toBe('red');
});

test('adapters that change nothing are amber', () => {
  const same = weight('same', 0, { change: 0, overlap: 0, error: 0, rounding: 0 });
  expect(judgeMerge(evidence([same]))).toMatchObject({ verdict: 'amber', findings: [{ code: 'certificates.noEffect' }] });
});

test('what the models say counts: above the bound amber, far above it red', () => {
  expect(judgeMerge(evidence(good, { runtime: { meanKl: 0.05, boundMeanKl: 0.02 } }))).toMatchObject({
    verdict: 'amber',
    findings: [{ code: 'certificates.diverges', params: { meanKl: '0.050', bound: '0.020' } }],
  });
  expect(codes(evidence(good, { runtime: { meanKl: 0.5, boundMeanKl: 0.02 } }))).toEqual(['certificates.disagrees']);
});

test('findings come the gravest first, and the gravest decides', () => {
  const all = evidence([...good, weight('bad', 2)], {
    runtime: null,
    notRunnable: { what: 'use_dora', tensor: 'q' },
    isTemplateChanged: true,
    changedTokenizer: 'tokenizer.ggml.tokens',
    otherTensors: ['output.weight'],
  });
  expect(judgeMerge(all).verdict).toBe('red');
  expect(codes(all)).toEqual([
    'certificates.otherTensors',
    'certificates.mergedTwice',
    'certificates.tokenizerChanged',
    'certificates.weightsOnly',
    'certificates.templateChanged',
  ]);
});
