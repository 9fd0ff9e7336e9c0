import { badConfig, count } from '../model/config.ts';
import type { Architecture, Hyperparameters, TensorRule } from './architecture.ts';
import { readHyperparameters, requireActivation } from './hyperparameters.ts';
import { f32, f32If, fileTypeEntry, present, u32 } from './metadata.ts';
import { longropeAttentionFactor } from './rope.ts';
import { blocks, canonicalLlamaName, embeddingNames, optional, weight } from './tensor-table.ts';
import { ropeScalingIgnored, slidingWindowIgnored } from './warnings.ts';

/** q, k and v are one matrix, gate and up another; positions are stretched by two lists of factors, for long and short texts. */
export const phi3: Architecture = {
  family: 'phi3',
  ggufName: 'phi3',
  hfClasses: ['Phi3ForCausalLM'],
  hyperparameters: (config) => {
    requireActivation(config, 'silu', 'hidden_act');
    const h = readHyperparameters(config, { contextLength: 4096, normEpsilon: 1e-5, freqBase: 10_000, tiedEmbeddings: false });
    if (h.headDimension * h.headCount !== h.embeddingLength)
      throw badConfig('head_dim', h.headDimension, `hidden_size / num_attention_heads, which is ${h.embeddingLength / h.headCount}`);
    // Older Phi-3 files call the same method "su" or "yarn"; both carry the two lists.
    if (h.ropeScaling.type === 'longrope') {
      const pairs = h.ropeDimensionCount / 2;
      for (const [field, factors] of [
        ['long_factor', h.ropeScaling.longFactors],
        ['short_factor', h.ropeScaling.shortFactors],
      ] as const)
        if (factors.length !== pairs) throw badConfig(`rope_scaling.${field}`, `${factors.length} numbers`, `a list of ${pairs} numbers`);
    }
    return { ...h, originalContextLength: count.optional(config, 'original_max_position_embeddings') ?? originalContext(h) };
  },
  metadata: (h, fileType) =>
    present(
      u32('phi3.context_length', h.contextLength),
      u32('phi3.rope.scaling.original_context_length', h.originalContextLength ?? h.contextLength),
      u32('phi3.embedding_length', h.embeddingLength),
      u32('phi3.feed_forward_length', h.feedForwardLength),
      u32('phi3.block_count', h.layerCount),
      u32('phi3.attention.head_count', h.headCount),
      u32('phi3.attention.head_count_kv', h.headCountKv),
      f32('phi3.attention.layer_norm_rms_epsilon', h.normEpsilon),
      u32('phi3.rope.dimension_count', h.ropeDimensionCount),
      f32If('phi3.rope.freq_base', h.ropeFreqBase),
      fileTypeEntry(fileType),
      // Zero is how the loader tells Phi-4 from the others.
      u32('phi3.attention.sliding_window', h.slidingWindow ?? 0),
      h.ropeScaling.type === 'longrope'
        ? f32('phi3.rope.scaling.attn_factor', longropeAttentionFactor(h.contextLength, h.ropeScaling.originalContextLength))
        : undefined,
    ),
  tensors: (h) => [
    weight('token_embd', 'model.embed_tokens', [h.vocabularySize, h.embeddingLength]),
    ...blocks(h, (blk, layer) => phi3Block(h, blk, layer)),
    weight('output_norm', 'model.norm', [h.embeddingLength]),
    optional(weight('output', 'lm_head', [h.vocabularySize, h.embeddingLength])),
  ],
  computed: (h) =>
    h.ropeScaling.type === 'longrope'
      ? [
          { gguf: 'rope_factors_long.weight', values: Float32Array.from(h.ropeScaling.longFactors) },
          { gguf: 'rope_factors_short.weight', values: Float32Array.from(h.ropeScaling.shortFactors) },
        ]
      : [],
  embedding: embeddingNames,
  canonicalName: canonicalLlamaName,
  warnings: (h) => [
    ...slidingWindowIgnored(h),
    ...(h.ropeScaling.type === 'longrope' || h.ropeScaling.type === 'none'
      ? []
      : ropeScalingIgnored({ ...h, ropeScaling: { type: 'other', method: h.ropeScaling.type } })),
  ],
};

/** Phi3Config's own default is 4096. */
const originalContext = (h: Hyperparameters): number => (h.ropeScaling.type === 'longrope' ? h.ropeScaling.originalContextLength : 4096);

function phi3Block(h: Hyperparameters, blk: string, layer: string): TensorRule[] {
  const n = h.embeddingLength;
  const qkvRows = (h.headCount + 2 * h.headCountKv) * h.headDimension;
  return [
    weight(`${blk}.attn_norm`, `${layer}.input_layernorm`, [n]),
    weight(`${blk}.attn_qkv`, `${layer}.self_attn.qkv_proj`, [qkvRows, n]),
    weight(`${blk}.attn_output`, `${layer}.self_attn.o_proj`, [n, n]),
    weight(`${blk}.ffn_norm`, `${layer}.post_attention_layernorm`, [n]),
    weight(`${blk}.ffn_up`, `${layer}.mlp.gate_up_proj`, [2 * h.feedForwardLength, n]),
    weight(`${blk}.ffn_down`, `${layer}.mlp.down_proj`, [n, h.feedForwardLength]),
  ];
}
