import { expect, test } from 'vitest';
import { mixes } from '#core/quantize/mixes.ts';
import { packedTargets } from '#core/quantize/targets.ts';
import { COMMON, isCommon, recipeGroup } from '#renderer/screens/convert/recipe-groups.ts';

test('each target is in the group that its name belongs to', () => {
  const groups = Object.groupBy([...packedTargets, ...Object.keys(mixes)], recipeGroup);
  expect(groups.float).toEqual(['F32', 'F16', 'BF16']);
  expect(groups.gptq).toEqual(['gptq-2', 'gptq-3', 'gptq-4', 'gptq-8']);
  expect(groups.bitsandbytes).toEqual(['int8', 'int8-zp', 'nf4', 'nf4-dq', 'fp4']);
  expect(groups.plain).toEqual(expect.arrayContaining(['Q8_0', 'Q4_0', 'Q5_1', 'IQ4_NL', 'MXFP4_MOE', 'TQ1_0', 'Q1_0']));
  expect(groups.plain).not.toContain('Q6_K');
  expect(groups.mix).toEqual(expect.arrayContaining(['Q4_K_M', 'Q6_K', 'IQ2_XXS', 'Q2_K_S']));
});

test('what is shown first exists', () => {
  const all = new Set<string>([...packedTargets, ...Object.keys(mixes)]);
  for (const target of [...COMMON.gguf, ...COMMON.hf]) expect([target, all.has(target), isCommon(target)]).toEqual([target, true, true]);
  expect(isCommon('IQ1_S')).toBe(false);
});
