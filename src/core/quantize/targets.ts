import { AppError } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import { mixes, type MixName } from './mixes.ts';

/** What a model can be turned into, as the command line and the contract name it. */

export const packedTargets = ['int8', 'int8-zp', 'nf4', 'nf4-dq', 'fp4', 'gptq-2', 'gptq-3', 'gptq-4', 'gptq-8'] as const;
export type PackedTarget = (typeof packedTargets)[number];

export type QuantizeTarget = PackedTarget | MixName;

export type OutputFormat = 'hf' | 'gguf';

export const quantizeTargets: readonly QuantizeTarget[] = [...packedTargets, ...(Object.keys(mixes) as MixName[])];

/** A target by name, in any case. @throws quantize.unknownTarget */
export function parseTarget(text: string): QuantizeTarget {
  const wanted = text.trim().toLowerCase();
  const found = quantizeTargets.find((target) => target.toLowerCase() === wanted);
  if (found === undefined) throw new AppError('quantize.unknownTarget', { target: excerpt(text), known: quantizeTargets.join(', ') });
  return found;
}

export const isPackedTarget = (target: string): target is PackedTarget => (packedTargets as readonly string[]).includes(target);

/** Where a target can go; the first is the default. Floats go to folders as well: so quantized ones are decoded. */
export function formatsOf(target: QuantizeTarget): readonly OutputFormat[] {
  if (target === 'F32' || target === 'F16' || target === 'BF16') return ['gguf', 'hf'];
  if (!isPackedTarget(target)) return ['gguf'];
  return target.startsWith('gptq-') ? ['hf', 'gguf'] : ['hf'];
}

export const gptqBits = (target: PackedTarget): 2 | 3 | 4 | 8 | undefined =>
  target.startsWith('gptq-') ? (Number(target.slice('gptq-'.length)) as 2 | 3 | 4 | 8) : undefined;
