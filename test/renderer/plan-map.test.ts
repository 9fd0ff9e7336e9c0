import { describe, expect, test } from 'vitest';
import { bitStep, patternOf, planMap, shortName, withOverride } from '#renderer/screens/convert/plan-map.ts';

const tensor = (name: string, layer: number | null, to: string, shape: number[], sizeBytes: number) => ({
  name,
  layer,
  to,
  shape,
  sizeBytes,
  from: 'BF16',
  why: 'mix' as const,
});

const plan = [
  tensor('token_embd.weight', null, 'Q6_K', [512, 256], 107_520),
  tensor('blk.0.attn_norm.weight', 0, 'F32', [256], 1024),
  tensor('blk.0.attn_v.weight', 0, 'Q6_K', [256, 256], 53_760),
  tensor('blk.0.ffn_up.weight', 0, 'Q4_K', [512, 256], 73_728),
  tensor('blk.10.attn_v.weight', 10, 'Q4_K', [256, 256], 36_864),
  tensor('blk.10.ffn_up.weight', 10, 'Q4_K', [512, 256], 73_728),
  tensor('blk.1.ffn_up.weight', 1, 'Q4_K', [512, 256], 73_728),
];

describe('the map of a plan', () => {
  const map = planMap(plan);

  test('has a strip for each matrix of the layers, in the order of the layers', () => {
    expect(map.layers).toEqual([0, 1, 10]);
    expect(map.rows.map(({ part }) => part)).toEqual(['attn_v', 'ffn_up']);
    expect(map.rows[0]?.cells.map((cell) => cell?.to ?? null)).toEqual(['Q6_K', null, 'Q4_K']);
    expect(map.rows[1]?.types).toEqual([['Q4_K', 3]]);
  });

  test('counts every byte once', () => {
    const total = map.rows.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) + map.vectors.sizeBytes + 107_520;
    expect(total).toBe(plan.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
    expect(map.vectors).toEqual({ count: 1, sizeBytes: 1024 });
    expect(map.single.map(({ name }) => name)).toEqual(['token_embd.weight']);
    expect(map.types.map(({ type, count }) => [type, count])).toEqual([
      ['Q4_K', 4],
      ['Q6_K', 2],
    ]);
  });

  test('patterns of a strip find it in every layer and nothing else', () => {
    const pattern = new RegExp(map.rows[0]?.pattern ?? '');
    expect(plan.filter(({ name }) => pattern.test(name)).map(({ name }) => name)).toEqual(['blk.0.attn_v.weight', 'blk.10.attn_v.weight']);
    const single = new RegExp(patternOf('blk.1.ffn_up.weight'));
    expect(plan.filter(({ name }) => single.test(name))).toHaveLength(1);
    expect(single.test('blk.11ffn_up.weight')).toBe(false);
  });

  test('tells the matrix of a Hugging Face name in the same way', () => {
    const rows = planMap([tensor('model.layers.7.self_attn.q_proj.weight', 7, 'NF4', [64, 64], 2304)]).rows;
    expect(rows[0]?.part).toBe('self_attn.q_proj');
  });
});

test('experts are one strip, which counts and finds all of them', () => {
  const experts = [0, 1].flatMap((layer) =>
    [0, 1, 2].map((expert) => tensor(`model.layers.${layer}.moe.experts.${expert}.w1.weight`, layer, 'NF4', [64, 64], 2304)),
  );
  const [row, ...others] = planMap(experts).rows;
  expect(others).toEqual([]);
  expect([row?.types, row?.sizeBytes, shortName(row?.part ?? '')]).toEqual([[['NF4', 6]], 6 * 2304, 'experts.*.w1']);
  expect(experts.filter(({ name }) => new RegExp(row?.pattern ?? '').test(name))).toHaveLength(6);
  expect(shortName('model.layers.3.self_attn.q_proj.weight')).toBe('q_proj');
});

test('steps of the scale go by the bits that a weight has, scales left out', () => {
  const bits = { BF16: 16, Q8_0: 8.5, Q6_K: 6.5625, Q5_K: 5.5, Q4_K: 4.5, MXFP4: 4.25, Q3_K: 3.4375, IQ2_XXS: 2.0625, Q2_K: 2.625 };
  expect(Object.values(bits).map(bitStep)).toEqual([16, 8, 6, 5, 4, 4, 3, 2, 2]);
});

test('an override of one tensor comes before one of many, and takes the place of its like', () => {
  const many = withOverride([], String.raw`\.\d+\.attn_v\.weight$`, 'Q6_K');
  const both = withOverride(many, '^output\\.weight$', 'Q8_0');
  expect(both.map(({ type }) => type)).toEqual(['Q8_0', 'Q6_K']);
  const more = withOverride(both, 'ffn_down', 'Q5_K');
  expect(more.map(({ type }) => type)).toEqual(['Q8_0', 'Q5_K', 'Q6_K']);
  expect(withOverride(more, '^output\\.weight$', 'F16').map(({ type }) => type)).toEqual(['F16', 'Q5_K', 'Q6_K']);
  expect(withOverride(more, 'ffn_down', null)).toEqual(both);
});
