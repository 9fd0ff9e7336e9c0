import { AppError } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import { ggmlTypes, type GgmlTypeName } from '../gguf/types.ts';
import type { TypeOverride } from './choose.ts';
import type { GptqSettings } from './gptq.ts';

/** What a user can set beside the target. */
export interface QuantizationOptions {
  /** GPTQ: inputs that share a scale; -1 is the whole row. */
  readonly groupSize: number;
  /** NF4 and FP4: weights that share an absmax. */
  readonly blockSize: number;
  readonly symmetric: boolean;
  readonly actOrder: boolean;
  readonly staticGroups: boolean;
  readonly trueSequential: boolean;
  /** Share of the mean Hessian diagonal, between 0 and 1. */
  readonly dampPercent: number;
  /** 0: off. */
  readonly mseExponent: number;
  readonly checkpointFormat: 'gptq' | 'gptq_v2';
  /** `PATTERN=TYPE`: the first pattern that is found in a tensor's name decides its type. */
  readonly overrides: readonly { readonly pattern: string; readonly type: string }[];
  /** One type for every matrix, no mix. */
  readonly pure: boolean;
  /** The output matrix stays as it is. */
  readonly keepOutput: boolean;
}

export const defaultOptions: QuantizationOptions = {
  groupSize: 128,
  blockSize: 64,
  symmetric: true,
  actOrder: false,
  staticGroups: false,
  trueSequential: true,
  dampPercent: 0.01,
  mseExponent: 0,
  checkpointFormat: 'gptq',
  overrides: [],
  pure: false,
  keepOutput: false,
};

/** Not for weights: Q8_1 and Q8_K exist within computations only. */
const notWritten: ReadonlySet<GgmlTypeName> = new Set(['Q8_1', 'Q8_K', 'I8', 'I16', 'I32', 'I64', 'F64']);

/** A tensor type by name, in any case. @throws quantize.unknownType */
export function parseWeightType(text: string): GgmlTypeName {
  const upper = text.trim().toUpperCase();
  const found = (Object.keys(ggmlTypes) as GgmlTypeName[]).find((name) => name === upper);
  if (found === undefined || notWritten.has(found)) throw new AppError('quantize.unknownType', { type: excerpt(text) });
  return found;
}

/** @throws quantize.badPattern, quantize.unknownType */
export const parseOverrides = (overrides: QuantizationOptions['overrides']): readonly TypeOverride[] =>
  overrides.map(({ pattern, type }) => ({ pattern: parsePattern(pattern), type: parseWeightType(type) }));

function parsePattern(pattern: string): RegExp {
  try {
    return new RegExp(pattern);
  } catch {
    throw new AppError('quantize.badPattern', { pattern: excerpt(pattern) });
  }
}

/** The settings of GPTQ among the options. */
export const gptqSettings = (bits: GptqSettings['bits'], options: QuantizationOptions): GptqSettings => ({
  bits,
  groupSize: options.groupSize,
  isSymmetric: options.symmetric,
  actOrder: options.actOrder,
  staticGroups: options.staticGroups,
  dampPercent: options.dampPercent,
  mseExponent: options.mseExponent,
  trueSequential: options.trueSequential,
  checkpointFormat: options.checkpointFormat,
});
