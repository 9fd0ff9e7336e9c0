import type { Config } from '../model/config.ts';

/** A model to be made up: what its family, its size and its tokenizer are. */
export interface DemoShape {
  /** Lathe's name of the family: `llama`, `gemma3`, … */
  readonly family: string;
  readonly layerCount: number;
  readonly embeddingLength: number;
  readonly headCount: number;
  /** GPT-2 has no other choice than `headCount`. */
  readonly headCountKv: number;
  /** Default: embedding length / heads. Qwen 2, Phi-3 and GPT-2 have no other choice. */
  readonly headDimension?: number;
  readonly feedForwardLength: number;
  readonly contextLength: number;
  readonly vocabularySize: number;
  readonly tiedEmbeddings: boolean;
  readonly dtype: 'F32' | 'F16' | 'BF16';
  readonly bosId?: number;
  readonly eosId?: number;
  readonly padId?: number;
}

const dtypeNames = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const;

/** The class of transformers and what its config.json has beyond the common fields. */
const families: Readonly<
  Record<string, { readonly architecture: string; readonly modelType: string; readonly more: (shape: Required<DemoShape>) => Config }>
> = {
  llama: { architecture: 'LlamaForCausalLM', modelType: 'llama', more: (s) => ({ head_dim: s.headDimension, hidden_act: 'silu' }) },
  mistral: {
    architecture: 'MistralForCausalLM',
    modelType: 'mistral',
    more: (s) => ({ head_dim: s.headDimension, hidden_act: 'silu', sliding_window: null }),
  },
  qwen2: { architecture: 'Qwen2ForCausalLM', modelType: 'qwen2', more: () => ({ hidden_act: 'silu', use_sliding_window: false }) },
  qwen3: {
    architecture: 'Qwen3ForCausalLM',
    modelType: 'qwen3',
    more: (s) => ({ head_dim: s.headDimension, hidden_act: 'silu', use_sliding_window: false }),
  },
  gemma: {
    architecture: 'GemmaForCausalLM',
    modelType: 'gemma',
    more: (s) => ({ head_dim: s.headDimension, hidden_activation: 'gelu_pytorch_tanh' }),
  },
  gemma2: {
    architecture: 'Gemma2ForCausalLM',
    modelType: 'gemma2',
    more: (s) => ({
      head_dim: s.headDimension,
      hidden_activation: 'gelu_pytorch_tanh',
      query_pre_attn_scalar: s.headDimension,
      sliding_window: Math.max(1, s.contextLength / 2),
      attn_logit_softcapping: 50,
      final_logit_softcapping: 30,
    }),
  },
  gemma3: {
    architecture: 'Gemma3ForCausalLM',
    modelType: 'gemma3_text',
    more: (s) => ({
      head_dim: s.headDimension,
      hidden_activation: 'gelu_pytorch_tanh',
      query_pre_attn_scalar: s.headDimension,
      sliding_window: Math.max(1, s.contextLength / 2),
      rope_theta: 1_000_000,
      rope_local_base_freq: 10_000,
    }),
  },
  phi3: {
    architecture: 'Phi3ForCausalLM',
    modelType: 'phi3',
    more: (s) => ({ hidden_act: 'silu', original_max_position_embeddings: s.contextLength, sliding_window: null }),
  },
  smollm3: { architecture: 'SmolLM3ForCausalLM', modelType: 'smollm3', more: () => ({ hidden_act: 'silu', no_rope_layer_interval: 4 }) },
};

/** The families that a demo model can have. */
export const demoFamilies: readonly string[] = [...Object.keys(families), 'gpt2'];

/** The config.json that transformers would write for such a model. */
export function demoConfig(shape: DemoShape): Config {
  const full: Required<DemoShape> = { headDimension: shape.embeddingLength / shape.headCount, bosId: 0, eosId: 0, padId: 0, ...shape };
  const common = {
    vocab_size: full.vocabularySize,
    tie_word_embeddings: full.tiedEmbeddings,
    bos_token_id: full.bosId,
    eos_token_id: full.eosId,
    pad_token_id: full.padId,
    torch_dtype: dtypeNames[full.dtype],
  };
  if (full.family === 'gpt2')
    return {
      architectures: ['GPT2LMHeadModel'],
      model_type: 'gpt2',
      n_embd: full.embeddingLength,
      n_inner: full.feedForwardLength === 4 * full.embeddingLength ? null : full.feedForwardLength,
      n_layer: full.layerCount,
      n_head: full.headCount,
      n_positions: full.contextLength,
      n_ctx: full.contextLength,
      activation_function: 'gelu_new',
      layer_norm_epsilon: 1e-5,
      ...common,
    };
  const family = families[full.family];
  if (family === undefined) throw new RangeError(`no demo model of the family ${full.family}`);
  return {
    architectures: [family.architecture],
    model_type: family.modelType,
    hidden_size: full.embeddingLength,
    intermediate_size: full.feedForwardLength,
    num_hidden_layers: full.layerCount,
    num_attention_heads: full.headCount,
    num_key_value_heads: full.headCountKv,
    max_position_embeddings: full.contextLength,
    rms_norm_eps: 1e-6,
    rope_theta: 10_000,
    ...family.more(full),
    ...common,
  };
}
