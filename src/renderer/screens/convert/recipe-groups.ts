import { isPackedTarget } from '#core/quantize/targets.ts';

/** Families of targets, by who reads the result. */
export type RecipeGroup = 'float' | 'mix' | 'plain' | 'bitsandbytes' | 'gptq';

export const RECIPE_GROUPS: readonly RecipeGroup[] = ['mix', 'plain', 'float', 'bitsandbytes', 'gptq'];

/** One type for all matrices, rather than a mix: the names of ggml's own types of one block size, and those of later chips. */
const PLAIN = /^(Q[1-8]_[01]|TQ[12]_0|MXFP4_MOE|NVFP4|IQ4_NL)$/;

export function recipeGroup(target: string): RecipeGroup {
  if (isPackedTarget(target)) return target.startsWith('gptq-') ? 'gptq' : 'bitsandbytes';
  if (/^(F32|F16|BF16)$/.test(target)) return 'float';
  return PLAIN.test(target) ? 'plain' : 'mix';
}

/** What most people take, the largest first: for llama.cpp and Lathe, and for Python's libraries. */
export const COMMON: Readonly<Record<'gguf' | 'hf', readonly string[]>> = {
  gguf: ['F16', 'Q8_0', 'Q6_K', 'Q5_K_M', 'Q4_K_M', 'IQ4_XS'],
  hf: ['int8', 'nf4', 'gptq-4'],
};

const common: ReadonlySet<string> = new Set([...COMMON.gguf, ...COMMON.hf]);
export const isCommon = (target: string): boolean => common.has(target);
