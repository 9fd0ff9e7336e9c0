import { badConfig, count, flag, positive } from '../model/config.ts';
import type { Architecture, Hyperparameters, TensorRule } from './architecture.ts';
import { readLayerCount, requireActivation, requireSetting } from './hyperparameters.ts';
import { f32, fileTypeEntry, u32 } from './metadata.ts';
import { bias, blocks, none, optional, transpose, weight } from './tensor-table.ts';

/** GPT-2: learned positions, layer norms with biases, and Conv1D matrices stored as `[in, out]`. */
export const gpt2: Architecture = {
  family: 'gpt2',
  ggufName: 'gpt2',
  hfClasses: ['GPT2LMHeadModel'],
  hyperparameters: (config) => {
    requireActivation(config, 'gelu', 'activation_function');
    requireSetting('scale_attn_weights', textOf(flag.optional(config, 'scale_attn_weights')), ['true']);
    requireSetting('scale_attn_by_inverse_layer_idx', textOf(flag.optional(config, 'scale_attn_by_inverse_layer_idx')), ['false']);
    const embeddingLength = count.required(config, 'n_embd', 'hidden_size');
    const headCount = count.required(config, 'n_head', 'num_attention_heads');
    if (embeddingLength % headCount !== 0) throw badConfig('n_head', headCount, `a divisor of n_embd, which is ${embeddingLength}`);
    return {
      layerCount: readLayerCount(config, 'n_layer'),
      embeddingLength,
      feedForwardLength: count.optional(config, 'n_inner') ?? 4 * embeddingLength,
      headCount,
      headCountKv: headCount,
      headDimension: embeddingLength / headCount,
      statesHeadDimension: false,
      vocabularySize: count.required(config, 'vocab_size'),
      // The position table has n_positions rows; n_ctx is an older name for the same.
      contextLength: count.required(config, 'n_positions', 'n_ctx'),
      normEpsilon: positive.optional(config, 'layer_norm_epsilon') ?? 1e-5,
      ropeFreqBase: undefined,
      ropeFreqBaseSwa: undefined,
      ropeDimensionCount: 0,
      ropeScaling: { type: 'none' },
      slidingWindow: undefined,
      tiedEmbeddings: flag.optional(config, 'tie_word_embeddings') ?? true,
      attentionSoftcap: undefined,
      finalSoftcap: undefined,
    };
  },
  metadata: (h, fileType) => [
    u32('gpt2.block_count', h.layerCount),
    u32('gpt2.context_length', h.contextLength),
    u32('gpt2.embedding_length', h.embeddingLength),
    u32('gpt2.feed_forward_length', h.feedForwardLength),
    u32('gpt2.attention.head_count', h.headCount),
    f32('gpt2.attention.layer_norm_epsilon', h.normEpsilon),
    fileTypeEntry(fileType),
  ],
  tensors: (h) => [
    weight('token_embd', 'transformer.wte', [h.vocabularySize, h.embeddingLength]),
    weight('position_embd', 'transformer.wpe', [h.contextLength, h.embeddingLength]),
    ...blocks(h, (blk, layer) => gpt2Block(h, blk, layer), 'transformer.h'),
    weight('output_norm', 'transformer.ln_f', [h.embeddingLength]),
    bias('output_norm', 'transformer.ln_f', h.embeddingLength),
    optional(weight('output', 'lm_head', [h.vocabularySize, h.embeddingLength])),
  ],
  computed: () => [],
  embedding: { input: 'transformer.wte.weight', output: 'lm_head.weight' },
  canonicalName: (stored) => {
    // The causal mask and its fill value, which old versions stored as buffers.
    if (/\.attn\.(bias|masked_bias)$/.test(stored)) return null;
    return /^(wte|wpe|ln_f|h)\./.test(stored) ? `transformer.${stored}` : stored;
  },
  warnings: () => [],
};

const textOf = (value: boolean | undefined): string | undefined => (value === undefined ? undefined : String(value));

function gpt2Block(h: Hyperparameters, blk: string, layer: string): TensorRule[] {
  const n = h.embeddingLength;
  /** Conv1D: the weight as `[in, out]`, the bias per output. */
  const conv1d = (gguf: string, hf: string, inputs: number, outputs: number): TensorRule[] => [
    weight(`${blk}.${gguf}`, `${layer}.${hf}`, [inputs, outputs], transpose),
    bias(`${blk}.${gguf}`, `${layer}.${hf}`, outputs),
  ];
  const layerNorm = (gguf: string, hf: string): TensorRule[] => [
    weight(`${blk}.${gguf}`, `${layer}.${hf}`, [n], none),
    bias(`${blk}.${gguf}`, `${layer}.${hf}`, n),
  ];
  return [
    ...layerNorm('attn_norm', 'ln_1'),
    ...conv1d('attn_qkv', 'attn.c_attn', n, 3 * n),
    ...conv1d('attn_output', 'attn.c_proj', n, n),
    ...layerNorm('ffn_norm', 'ln_2'),
    ...conv1d('ffn_up', 'mlp.c_fc', n, h.feedForwardLength),
    ...conv1d('ffn_down', 'mlp.c_proj', h.feedForwardLength, n),
  ];
}
