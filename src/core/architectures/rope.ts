import { badConfig, count, isConfig, numbers, positive, section, text, type Config } from '../model/config.ts';

/**
 * How rotary positions are stretched beyond the trained context.
 * `other`: a method that llama.cpp has no setting for.
 */
export type RopeScaling =
  | { readonly type: 'none' }
  | { readonly type: 'linear'; readonly factor: number }
  | {
      readonly type: 'yarn';
      readonly factor: number;
      readonly originalContextLength: number;
      readonly extrapolationFactor: number | undefined;
      readonly attentionFactor: number | undefined;
      readonly betaFast: number | undefined;
      readonly betaSlow: number | undefined;
    }
  | {
      readonly type: 'llama3';
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalContextLength: number;
    }
  | {
      readonly type: 'longrope';
      readonly longFactors: readonly number[];
      readonly shortFactors: readonly number[];
      readonly originalContextLength: number;
    }
  | { readonly type: 'other'; readonly method: string };

export interface Rope {
  readonly freqBase: number;
  readonly freqBaseSwa: number | undefined;
  readonly scaling: RopeScaling;
  /** Share of each head that is rotated. */
  readonly partialFactor: number;
}

/**
 * The rotary settings of a config: `rope_theta` and `rope_scaling` of transformers 4, or `rope_parameters` of transformers 5, where
 * Gemma 3 has one group for each kind of layer.
 * @throws model.badConfig
 */
export function readRope(config: Config, defaults: { readonly freqBase: number; readonly freqBaseSwa?: number }): Rope {
  const parameters = section.optional(config, 'rope_parameters', 'rope_scaling') ?? {};
  const perLayerType = isConfig(parameters['full_attention']) || isConfig(parameters['sliding_attention']);
  const full = perLayerType ? (section.optional(parameters, 'full_attention') ?? {}) : parameters;
  const sliding = perLayerType ? (section.optional(parameters, 'sliding_attention') ?? {}) : {};
  return {
    freqBase: positive.optional(full, 'rope_theta') ?? positive.optional(config, 'rope_theta') ?? defaults.freqBase,
    freqBaseSwa: positive.optional(sliding, 'rope_theta') ?? positive.optional(config, 'rope_local_base_freq') ?? defaults.freqBaseSwa,
    partialFactor: positive.optional(full, 'partial_rotary_factor') ?? positive.optional(config, 'partial_rotary_factor') ?? 1,
    scaling: readScaling(full, config),
  };
}

function readScaling(rope: Config, config: Config): RopeScaling {
  const method = text.optional(rope, 'rope_type', 'type')?.toLowerCase() ?? 'default';
  const originalContextLength = (fallback: () => number): number =>
    count.optional(rope, 'original_max_position_embeddings') ?? count.optional(config, 'original_max_position_embeddings') ?? fallback();
  const contextLength = (): number => count.required(config, 'max_position_embeddings');
  switch (method) {
    case 'default':
    case 'none':
      return { type: 'none' };
    case 'linear':
      return { type: 'linear', factor: positive.required(rope, 'factor') };
    case 'yarn':
      return {
        type: 'yarn',
        factor: positive.required(rope, 'factor'),
        originalContextLength: originalContextLength(contextLength),
        extrapolationFactor: positive.optional(rope, 'extrapolation_factor'),
        attentionFactor: positive.optional(rope, 'attention_factor', 'attn_factor'),
        betaFast: positive.optional(rope, 'beta_fast'),
        betaSlow: positive.optional(rope, 'beta_slow'),
      };
    case 'llama3': {
      const lowFrequencyFactor = positive.optional(rope, 'low_freq_factor') ?? 1;
      const highFrequencyFactor = positive.optional(rope, 'high_freq_factor') ?? 4;
      // The ramp between the two bands divides by their difference.
      if (highFrequencyFactor <= lowFrequencyFactor)
        throw badConfig('rope_scaling.high_freq_factor', highFrequencyFactor, `above low_freq_factor, which is ${lowFrequencyFactor}`);
      return {
        type: 'llama3',
        factor: positive.optional(rope, 'factor') ?? 8,
        lowFrequencyFactor,
        highFrequencyFactor,
        originalContextLength: originalContextLength(() => 8192),
      };
    }
    case 'su':
    case 'longrope': {
      const original = originalContextLength(contextLength);
      // Its logarithm is a divisor.
      if (original < 2) throw badConfig('original_max_position_embeddings', original, 'at least 2');
      return {
        type: 'longrope',
        longFactors: numbers.required(rope, 'long_factor'),
        shortFactors: numbers.required(rope, 'short_factor'),
        originalContextLength: original,
      };
    }
    default:
      return { type: 'other', method };
  }
}

/**
 * Divisors of the rotary frequencies for Llama 3's long context, one for each pair of a head's values: GGUF's `rope_freqs.weight`.
 *
 * Low frequencies (wavelength above original context / low factor) are divided by `factor`, high ones stay, and those between get a
 * smooth mix of both. Every step is rounded to F32, as in the model's own code.
 * Source: transformers, `_compute_llama3_parameters`.
 */
export function llama3Divisors(scaling: Extract<RopeScaling, { type: 'llama3' }>, freqBase: number, headDimension: number): Float32Array {
  const f32 = Math.fround;
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalContextLength } = scaling;
  const divisors = new Float32Array(Math.ceil(headDimension / 2));
  for (let pair = 0; pair < divisors.length; pair += 1) {
    const frequency = f32(1 / f32(freqBase ** f32((2 * pair) / headDimension)));
    const wavelength = f32((2 * Math.PI) / frequency);
    if (wavelength < originalContextLength / highFrequencyFactor) divisors[pair] = 1;
    else if (wavelength > originalContextLength / lowFrequencyFactor) divisors[pair] = factor;
    else {
      const smooth = f32(f32(f32(originalContextLength / wavelength) - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor));
      divisors[pair] = f32(1 / f32(f32(f32(1 - smooth) / factor) + smooth));
    }
  }
  return divisors;
}

/** Scale of the attention logits beyond the original context: sqrt(1 + ln(s) / ln(original)). Source: LongRoPE, Phi-3's own code. */
export function longropeAttentionFactor(contextLength: number, originalContextLength: number): number {
  const scale = contextLength / originalContextLength;
  return scale > 1 ? Math.sqrt(1 + Math.log(scale) / Math.log(originalContextLength)) : 1;
}
