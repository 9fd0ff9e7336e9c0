import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { architectureOf, architectures, findArchitecture, tensorMap } from '#core/architectures/index.ts';
import { llama3Divisors } from '#core/architectures/rope.ts';
import { demoConfig, demoFamilies } from '#core/demo/config.ts';
import { AppError } from '#core/errors/index.ts';
import { textConfig, type Config } from '#core/model/config.ts';

const shape = {
  layerCount: 4,
  embeddingLength: 32,
  headCount: 4,
  headCountKv: 2,
  feedForwardLength: 48,
  contextLength: 64,
  vocabularySize: 96,
  tiedEmbeddings: false,
  dtype: 'F32',
} as const;
const configOf = (family: string, more: Config = {}): Config => ({ ...demoConfig({ ...shape, family }), ...more });
const read = (config: Config) => architectureOf(config).hyperparameters(textConfig(config));

/** The code and parameters that a call fails with. */
function failure(call: () => unknown): { code: string; params: object } {
  try {
    call();
  } catch (error) {
    if (error instanceof AppError) return { code: error.code, params: error.params };
    throw error;
  }
  throw new Error('the call did not fail');
}

describe('which family a config belongs to', () => {
  it('knows ten families, each by its class', () => {
    expect(demoFamilies.map((family) => architectureOf(configOf(family)).family)).toEqual(demoFamilies);
    expect(architectures).toHaveLength(10);
  });

  it('takes the inner text model of a multimodal config', () => {
    const config = { architectures: ['Gemma3ForConditionalGeneration'], model_type: 'gemma3', text_config: { model_type: 'gemma3_text' } };
    expect(architectureOf(config).family).toBe('gemma3');
    expect(
      findArchitecture({ architectures: ['LlavaForConditionalGeneration'], text_config: { architectures: ['MistralForCausalLM'] } })
        ?.family,
    ).toBe('mistral');
  });

  it('falls back to model_type where no class is named', () => {
    expect(architectureOf({ model_type: 'qwen3' }).family).toBe('qwen3');
    expect(architectureOf({ model_type: 'gemma3', text_config: { model_type: 'gemma3_text' } }).family).toBe('gemma3');
  });

  it('names an unknown family, and those that are known', () => {
    const { code, params } = failure(() => architectureOf({ architectures: ['MambaForCausalLM'], model_type: 'mamba' }));
    expect(code).toBe('model.unknownArchitecture');
    expect(params).toEqual({
      architecture: 'MambaForCausalLM',
      supported: 'llama, mistral, qwen2, qwen3, gemma, gemma2, gemma3, phi3, smollm3, gpt2',
    });
    expect(failure(() => architectureOf({ architectures: ['Mixtral\n\u202eForCausalLM'] })).params).toMatchObject({
      architecture: 'Mixtral\ufffd\ufffdForCausalLM',
    });
    for (const config of [{}, { architectures: 'LlamaForCausalLM' }, { architectures: [7] }, { model_type: ['llama'] }])
      expect(failure(() => architectureOf(config)).code).toBe('model.unknownArchitecture');
  });
});

describe('tensor names', () => {
  it.each(demoFamilies)('lead both ways for %s, with no name twice', (family) => {
    const config = configOf(family);
    const architecture = architectureOf(config);
    const { byHf, byGguf } = tensorMap(architecture, architecture.hyperparameters(config));
    expect(byHf.size).toBe(byGguf.size);
    for (const [hf, rule] of byHf) {
      expect(byGguf.get(rule.gguf)?.hf).toBe(hf);
      // ggml's limit for a name is 63 bytes, and a stored name must find itself.
      expect(rule.gguf.length).toBeLessThan(64);
      expect(architecture.canonicalName(hf)).toBe(hf);
    }
  });

  it('follow the loader where Gemma 2 and 3 give old names new places', () => {
    const architecture = architectureOf(configOf('gemma3'));
    const { byHf } = tensorMap(architecture, architecture.hyperparameters(configOf('gemma3')));
    const place = (name: string) => byHf.get(`model.layers.3.${name}.weight`)?.gguf;
    expect(place('input_layernorm')).toBe('blk.3.attn_norm.weight');
    expect(place('post_attention_layernorm')).toBe('blk.3.post_attention_norm.weight');
    expect(place('pre_feedforward_layernorm')).toBe('blk.3.ffn_norm.weight');
    expect(place('post_feedforward_layernorm')).toBe('blk.3.post_ffw_norm.weight');
  });

  it('find a tensor under every prefix in use, and leave out what is no weight of the language model', () => {
    const canonical = (family: string, stored: string) => architectureOf(configOf(family)).canonicalName(stored);
    expect(canonical('llama', 'layers.0.self_attn.q_proj.weight')).toBe('model.layers.0.self_attn.q_proj.weight');
    expect(canonical('llama', 'model.layers.0.self_attn.rotary_emb.inv_freq')).toBeNull();
    expect(canonical('gemma3', 'language_model.model.layers.0.mlp.up_proj.weight')).toBe('model.layers.0.mlp.up_proj.weight');
    expect(canonical('gemma3', 'model.language_model.layers.0.mlp.up_proj.weight')).toBe('model.layers.0.mlp.up_proj.weight');
    expect(canonical('gemma3', 'vision_tower.vision_model.embeddings.position_embedding.weight')).toBeNull();
    expect(canonical('gemma3', 'model.multi_modal_projector.mm_soft_emb_norm.weight')).toBeNull();
    expect(canonical('gpt2', 'h.0.attn.c_attn.weight')).toBe('transformer.h.0.attn.c_attn.weight');
    expect(canonical('gpt2', 'transformer.h.0.attn.bias')).toBeNull();
    expect(canonical('gpt2', 'h.11.attn.masked_bias')).toBeNull();
  });
});

describe('hyperparameters of a hostile or mistaken config.json', () => {
  it.each([
    ['num_hidden_layers', '32'],
    ['num_hidden_layers', 0],
    ['num_hidden_layers', 513],
    ['num_hidden_layers', 1e300],
    ['num_hidden_layers', undefined],
    ['hidden_size', -32],
    ['hidden_size', 32.5],
    ['hidden_size', [32]],
    ['hidden_size', 2 ** 31],
    ['intermediate_size', null],
    ['num_attention_heads', 3],
    ['num_attention_heads', true],
    ['num_key_value_heads', 3],
    ['num_key_value_heads', {}],
    ['head_dim', 7],
    ['vocab_size', NaN],
    ['max_position_embeddings', Infinity],
    ['rms_norm_eps', '1e-6'],
    ['rms_norm_eps', 0],
    ['rms_norm_eps', 1e-300],
    ['rope_theta', -10000],
    ['rope_theta', 1e300],
    ['tie_word_embeddings', 'true'],
    ['sliding_window', 'all'],
  ])('refuses %s = %j by name', (field, value) => {
    const config: Record<string, unknown> = configOf('mistral');
    if (field === 'num_attention_heads' && value === 3) delete config['head_dim'];
    config[field] = value;
    const { code, params } = failure(() => read(config));
    expect(code).toBe('model.badConfig');
    expect(params).toMatchObject({ field });
  });

  it.each([
    [{ type: 'linear' }, 'factor'],
    [{ type: 'linear', factor: 'NaN' }, 'factor'],
    [{ rope_type: 'yarn', factor: 0 }, 'factor'],
    [{ rope_type: 5 }, 'rope_type'],
    ['yarn', 'rope_scaling'],
    [{ rope_type: 'llama3', low_freq_factor: 4, high_freq_factor: 4 }, 'rope_scaling.high_freq_factor'],
    [{ rope_type: 'longrope', short_factor: [1] }, 'long_factor'],
    [{ rope_type: 'longrope', short_factor: [1], long_factor: [1, -1] }, 'long_factor'],
  ])('refuses the rotary scaling %j', (scaling, field) => {
    const { code, params } = failure(() => read(configOf('llama', { rope_scaling: scaling })));
    expect(code).toBe('model.badConfig');
    expect(params).toMatchObject({ field });
  });

  it('refuses lists of rotary factors of the wrong length', () => {
    const rope_scaling = { type: 'longrope', long_factor: [1, 2], short_factor: [1, 1] };
    expect(failure(() => read(configOf('phi3', { rope_scaling }))).params).toMatchObject({ field: 'rope_scaling.long_factor' });
  });

  it('shows a wrong value shortened and in one line', () => {
    const { params } = failure(() => read(configOf('llama', { hidden_size: `x\n${'y'.repeat(10_000)}` })));
    expect(Object.values(params).every((text) => String(text).length < 120 && !String(text).includes('\n'))).toBe(true);
  });

  it.each([
    ['llama', { hidden_act: 'relu' }, 'hidden_act'],
    ['gemma2', { hidden_activation: 'silu' }, 'hidden_activation'],
    ['gemma2', { layer_types: ['full_attention', 'sliding_attention', 'sliding_attention', 'full_attention'] }, 'layer_types'],
    ['gemma3', { attn_logit_softcapping: 50 }, 'attn_logit_softcapping'],
    ['smollm3', { no_rope_layer_interval: 3 }, 'no_rope_layer_interval'],
    ['smollm3', { no_rope_layers: [1, 1, 1, 1] }, 'no_rope_layers'],
    ['gpt2', { scale_attn_by_inverse_layer_idx: true }, 'scale_attn_by_inverse_layer_idx'],
  ])('refuses what llama.cpp has built in otherwise: %s with %j', (family, more, field) => {
    const { code, params } = failure(() => read(configOf(family, more)));
    expect(code).toBe('model.unsupportedConfig');
    expect(params).toMatchObject({ field });
  });
});

describe('settings beyond the golden models', () => {
  it('reads the rotary settings of transformers 5', () => {
    expect(
      read(configOf('llama', { rope_theta: undefined, rope_parameters: { rope_type: 'default', rope_theta: 500_000 } })),
    ).toMatchObject({
      ropeFreqBase: 500_000,
      ropeScaling: { type: 'none' },
    });
    const rope_parameters = {
      full_attention: { rope_type: 'linear', factor: 8, rope_theta: 2_000_000 },
      sliding_attention: { rope_type: 'default', rope_theta: 20_000 },
    };
    expect(read(configOf('gemma3', { rope_theta: undefined, rope_local_base_freq: undefined, rope_parameters }))).toMatchObject({
      ropeFreqBase: 2_000_000,
      ropeFreqBaseSwa: 20_000,
      ropeScaling: { type: 'linear', factor: 8 },
    });
  });

  it('writes the interval of Gemma’s full-attention layers only where it is not the built-in one', () => {
    const keys = (more: Config): Record<string, unknown> => {
      const config = configOf('gemma3', more);
      const architecture = architectureOf(config);
      return Object.fromEntries(architecture.metadata(architecture.hyperparameters(config), 1).map(([key, { value }]) => [key, value]));
    };
    const pattern = 'gemma3.attention.sliding_window_pattern';
    expect(keys({})).not.toHaveProperty([pattern]);
    expect(keys({ sliding_window_pattern: 6 })).not.toHaveProperty([pattern]);
    expect(keys({ layer_types: ['sliding_attention', 'full_attention', 'sliding_attention', 'full_attention'] })).toHaveProperty(
      [pattern],
      2,
    );
    expect(keys({ layer_types: Array.from({ length: 4 }, () => 'sliding_attention') })).not.toHaveProperty([pattern]);
    // All layers see everything: no window at all.
    expect(keys({ sliding_window_pattern: 1 })).not.toHaveProperty(['gemma3.attention.sliding_window']);
    expect(keys({ layer_types: Array.from({ length: 4 }, () => 'full_attention') })).not.toHaveProperty([
      'gemma3.attention.sliding_window',
    ]);
  });

  it('tells what the file cannot express', () => {
    const codes = (family: string, more: Config = {}) => {
      const config = configOf(family, more);
      const architecture = architectureOf(config);
      return architecture.warnings(architecture.hyperparameters(config), config).map(({ code }) => code);
    };
    expect(demoFamilies.flatMap((family) => codes(family))).toEqual([]);
    expect(codes('mistral', { sliding_window: 32 })).toEqual(['model.slidingWindowIgnored']);
    expect(codes('mistral', { sliding_window: 64 })).toEqual([]);
    expect(codes('qwen2', { sliding_window: 32, use_sliding_window: true })).toEqual(['model.slidingWindowIgnored']);
    expect(codes('qwen2', { sliding_window: 32 })).toEqual([]);
    expect(codes('llama', { rope_scaling: { type: 'dynamic', factor: 2 } })).toEqual(['model.ropeScalingIgnored']);
    expect(codes('qwen3', { rope_scaling: { type: 'yarn', factor: 4, attention_factor: 1.1386, beta_fast: 32 } })).toEqual([]);
    expect(codes('qwen3', { rope_scaling: { type: 'yarn', factor: 4, beta_slow: 2 } })).toEqual(['model.ropeScalingIgnored']);
    expect(codes('gemma', { rope_scaling: { type: 'linear', factor: 2 } })).toEqual(['model.ropeScalingIgnored']);
    expect(codes('gemma2', { query_pre_attn_scalar: 144 })).toEqual(['model.attentionScale']);
    // The loader divides by embedding / heads in the 27B model, which has 46 layers.
    expect(codes('gemma2', { num_hidden_layers: 46, head_dim: 16, query_pre_attn_scalar: 8 })).toEqual([]);
  });
});

describe('Llama 3’s rotary divisors', () => {
  type Golden = [base: number, dimension: number, factor: number, low: number, high: number, original: number, divisors: number[]];
  const goldens = JSON.parse(readFileSync(new URL('../../golden/architectures/llama3-divisors.json', import.meta.url), 'utf8')) as Golden[];

  it.each(goldens)('equal the converter’s for base %d, head %d, factor %d, but for the rounding of torch’s power', (...golden) => {
    const [base, dimension, factor, lowFrequencyFactor, highFrequencyFactor, originalContextLength, expected] = golden;
    const scaling = { type: 'llama3', factor, lowFrequencyFactor, highFrequencyFactor, originalContextLength } as const;
    const divisors = llama3Divisors(scaling, base, dimension);
    expect(divisors).toHaveLength(dimension / 2);
    expect(new Set(divisors).size).toBeGreaterThan(3);
    divisors.forEach((divisor, pair) => expect(Math.abs(divisor / (expected[pair] ?? NaN) - 1)).toBeLessThan(5e-7));
  });
});
