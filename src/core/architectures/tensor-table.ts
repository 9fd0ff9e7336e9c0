import type { Hyperparameters, TensorRule, Transform } from './architecture.ts';

/**
 * The words in which a family lists its tensors. Each rule names a module in both worlds and gives its shape as Hugging Face stores it.
 * Names: gguf-py's `tensor_mapping.py`; which tensors must be there: `load_arch_tensors` of llama.cpp's `src/models/`.
 */
export const none: Transform = { kind: 'none' };
export const addOne: Transform = { kind: 'addOne' };
export const transpose: Transform = { kind: 'transpose' };
export const permuteRows = (heads: number): Transform => ({ kind: 'permuteRows', heads });

/** A weight of any rank: `matrix('blk.0.attn_q', 'model.layers.0.self_attn.q_proj', [4096, 4096])`. */
export const weight = (gguf: string, hf: string, shape: readonly number[], transform: Transform = none): TensorRule => ({
  gguf: `${gguf}.weight`,
  hf: `${hf}.weight`,
  shape,
  transform,
  optional: false,
});

export const bias = (gguf: string, hf: string, length: number, transform: Transform = none): TensorRule => ({
  gguf: `${gguf}.bias`,
  hf: `${hf}.bias`,
  shape: [length],
  transform,
  optional: false,
});

export const optional = (rule: TensorRule): TensorRule => ({ ...rule, optional: true });

/** A weight, and a bias that may be there. */
const linear = (gguf: string, hf: string, rows: number, columns: number, transform: Transform = none): TensorRule[] => [
  weight(gguf, hf, [rows, columns], transform),
  optional(bias(gguf, hf, rows, transform)),
];

/** How a family of the Llama kind differs from the others. */
export interface LlamaKind {
  /** Rows of q and k go from transformers' half-split to neighbouring pairs. */
  readonly permuteQueryKey?: boolean;
  /** Norm weights are stored less one. */
  readonly shiftedNorms?: boolean;
  /** RMS norms on each query and key head. */
  readonly headNorms?: boolean;
  /** Norms before and after both attention and feed-forward (Gemma 2 and 3), in place of only before. */
  readonly sandwichNorms?: boolean;
  /** The loader reads an output matrix of its own. Gemma 1 and 2 always reuse the token embedding. */
  readonly output?: boolean;
  /** The loader reads biases of the attention output and the feed-forward matrices. */
  readonly allBiases?: boolean;
}

/** The tensors of a decoder of the Llama kind, in model order. */
export function llamaTensors(h: Hyperparameters, kind: LlamaKind): TensorRule[] {
  const n = h.embeddingLength;
  const norm = kind.shiftedNorms === true ? addOne : none;
  return [
    weight('token_embd', 'model.embed_tokens', [h.vocabularySize, n]),
    ...blocks(h, (blk, layer) => [
      weight(`${blk}.attn_norm`, `${layer}.input_layernorm`, [n], norm),
      ...attention(h, kind, blk, `${layer}.self_attn`),
      ...feedForwardNorms(kind, blk, layer, n, norm),
      ...feedForward(h, kind, blk, `${layer}.mlp`),
    ]),
    weight('output_norm', 'model.norm', [n], norm),
    ...(kind.output === false ? [] : [optional(weight('output', 'lm_head', [h.vocabularySize, n]))]),
  ];
}

/** One list for all layers: `blk.<i>` and `model.layers.<i>`. */
export function blocks(h: Hyperparameters, rules: (blk: string, layer: string) => TensorRule[], hfLayers = 'model.layers'): TensorRule[] {
  return Array.from({ length: h.layerCount }, (_, i) => rules(`blk.${i}`, `${hfLayers}.${i}`)).flat();
}

function attention(h: Hyperparameters, kind: LlamaKind, blk: string, attn: string): TensorRule[] {
  const n = h.embeddingLength;
  const queryRows = h.headCount * h.headDimension;
  const keyRows = h.headCountKv * h.headDimension;
  const permuted = (heads: number): Transform => (kind.permuteQueryKey === true ? permuteRows(heads) : none);
  const norm = kind.shiftedNorms === true ? addOne : none;
  const [output, outputBias] = linear(`${blk}.attn_output`, `${attn}.o_proj`, n, queryRows) as [TensorRule, TensorRule];
  return [
    ...linear(`${blk}.attn_q`, `${attn}.q_proj`, queryRows, n, permuted(h.headCount)),
    ...linear(`${blk}.attn_k`, `${attn}.k_proj`, keyRows, n, permuted(h.headCountKv)),
    ...linear(`${blk}.attn_v`, `${attn}.v_proj`, keyRows, n),
    ...(kind.headNorms === true
      ? [
          weight(`${blk}.attn_q_norm`, `${attn}.q_norm`, [h.headDimension], norm),
          weight(`${blk}.attn_k_norm`, `${attn}.k_norm`, [h.headDimension], norm),
        ]
      : []),
    output,
    ...(kind.allBiases === true ? [outputBias] : []),
  ];
}

function feedForwardNorms(kind: LlamaKind, blk: string, layer: string, n: number, norm: Transform): TensorRule[] {
  if (kind.sandwichNorms !== true) return [weight(`${blk}.ffn_norm`, `${layer}.post_attention_layernorm`, [n], norm)];
  return [
    weight(`${blk}.post_attention_norm`, `${layer}.post_attention_layernorm`, [n], norm),
    weight(`${blk}.ffn_norm`, `${layer}.pre_feedforward_layernorm`, [n], norm),
    weight(`${blk}.post_ffw_norm`, `${layer}.post_feedforward_layernorm`, [n], norm),
  ];
}

function feedForward(h: Hyperparameters, kind: LlamaKind, blk: string, mlp: string): TensorRule[] {
  const rules = [
    ...linear(`${blk}.ffn_gate`, `${mlp}.gate_proj`, h.feedForwardLength, h.embeddingLength),
    ...linear(`${blk}.ffn_up`, `${mlp}.up_proj`, h.feedForwardLength, h.embeddingLength),
    ...linear(`${blk}.ffn_down`, `${mlp}.down_proj`, h.embeddingLength, h.feedForwardLength),
  ];
  return kind.allBiases === true ? rules : rules.filter((rule) => !rule.optional);
}

export const embeddingNames = { input: 'model.embed_tokens.weight', output: 'lm_head.weight' } as const;

/** Stored names that are buffers of old transformers versions, not weights. */
const buffers = /\.(rotary_emb\.inv_freq|attention\.bias|attention\.masked_bias)$/;

/** A stored name as the table lists it: base-model exports lack the leading `model.`. */
export function canonicalLlamaName(stored: string): string | null {
  if (buffers.test(stored)) return null;
  return /^(layers|embed_tokens|norm)\./.test(stored) ? `model.${stored}` : stored;
}
