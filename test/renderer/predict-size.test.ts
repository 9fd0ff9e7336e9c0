import { describe, expect, test } from 'vitest';
import { predictSizeBytes } from '#renderer/screens/library/predict-size.ts';

describe('the predicted size of a conversion', () => {
  // A matrix of 10 x 4 and a norm of 4: by hand, 40 and 4 numbers.
  const rows = [
    { name: 'model.layers.0.mlp.up_proj.weight', type: 'BF16', shape: [10, 4], sizeBytes: 80, file: 'f' },
    { name: 'model.norm.weight', type: 'BF16', shape: [4], sizeBytes: 8, file: 'f' },
  ];

  test('counts vectors at 4 bytes, which stay F32 in every file', () => {
    expect(predictSizeBytes('f16', undefined, { total: 2, rows })).toBe(40 * 2 + 4 * 4);
    expect(predictSizeBytes('f32', undefined, { total: 2, rows })).toBe(44 * 4);
  });

  test('goes by the number of parameters where not all tensors are known', () => {
    expect(predictSizeBytes('bf16', { parameterCount: 1000 }, { total: 3, rows })).toBe(2000);
    expect(predictSizeBytes('f32', { parameterCount: 1000 }, undefined)).toBe(4000);
  });

  test('is not made up where nothing is known', () => {
    expect(predictSizeBytes('f16', {}, undefined)).toBeUndefined();
  });
});
