import { describe, expect, it } from 'vitest';
import { generalMetadata, loadableName, sizeLabel } from '#core/convert/general.ts';

describe('size labels', () => {
  // Output of gguf-py's size_label(n, n, 0, 0).
  it.each([
    [1, '0.00K'],
    [999, '1.0K'],
    [2500, '2.5K'],
    [12_500, '12K'],
    [656_000, '656K'],
    [999_999, '1000K'],
    [1_000_001, '1.0M'],
    [1_250_000, '1.2M'],
    [1_350_000, '1.3M'],
    [9_950_000, '10M'],
    [12_500_000, '12M'],
    [13_500_000, '14M'],
    [494_032_768, '494M'],
    [1_000_000_000, '1000M'],
    [1_250_000_000, '1.2B'],
    [6_738_415_616, '6.7B'],
    [8_030_261_248, '8.0B'],
    [70_553_706_496, '71B'],
    [1_050_000_000_000, '1.1T'],
  ])('%d parameters are %s', (parameterCount, label) => {
    expect(sizeLabel(parameterCount)).toBe(label);
  });
});

describe('sampling settings of the model’s maker', () => {
  const keys = (generationConfig: unknown): string[] =>
    generalMetadata('llama', { name: 'x', parameterCount: 1, generationConfig }).flatMap(([key]) =>
      key.includes('sampling') ? [key] : [],
    );

  it('are carried over', () => {
    expect(keys({ top_k: 20, top_p: 0.8, min_p: 0, temperature: 0.7, repetition_penalty: 1.05 })).toEqual([
      'general.sampling.top_k',
      'general.sampling.top_p',
      'general.sampling.min_p',
      'general.sampling.temp',
      'general.sampling.penalty_repeat',
    ]);
  });

  it('are left out where they are no usable numbers', () => {
    expect(keys({ top_k: 2 ** 31, top_p: '0.9', min_p: -1, temperature: 1e300, repetition_penalty: null })).toEqual([]);
    for (const odd of [undefined, null, 'x', [], 7]) expect(keys(odd)).toEqual([]);
  });
});

describe('the name in the file', () => {
  it('does not say Phi-3 of a model without Phi-3’s tokens: llama.cpp would look for them and fail', () => {
    expect(loadableName('My Phi-3 mini', ['a', 'b'])).toBe('My Phi 3 mini');
    expect(loadableName('phi3-demo-PHI-3', [])).toBe('phi 3-demo-PHI 3');
    expect(loadableName('Phi-3 mini', ['<unk>', '<s>', '</s>', '<|endoftext|>'])).toBe('Phi-3 mini');
    expect(loadableName('Llama 3', [])).toBe('Llama 3');
  });
});
