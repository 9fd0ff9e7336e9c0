/** What a tensor is for, as far as the choice of its type goes. Names are GGUF's. */
export type TensorCategory =
  | 'output'
  | 'tokenEmbd'
  | 'attnQkv'
  | 'attnKvB'
  | 'attnV'
  | 'attnK'
  | 'attnQ'
  | 'attnOutput'
  | 'ffnUp'
  | 'ffnGate'
  | 'ffnDown'
  | 'other';

/** In the order in which llama.cpp asks: a name may hold more than one of these. */
const parts: readonly (readonly [string, TensorCategory])[] = [
  ['attn_qkv.weight', 'attnQkv'],
  ['attn_kv_b.weight', 'attnKvB'],
  ['attn_v.weight', 'attnV'],
  ['attn_k.weight', 'attnK'],
  ['attn_q.weight', 'attnQ'],
  ['attn_output.weight', 'attnOutput'],
  ['ffn_up', 'ffnUp'],
  ['ffn_gate', 'ffnGate'],
  ['ffn_down', 'ffnDown'],
];

export function tensorCategory(name: string): TensorCategory {
  if (name === 'output.weight') return 'output';
  if (name === 'token_embd.weight' || name === 'per_layer_token_embd.weight') return 'tokenEmbd';
  return parts.find(([part]) => name.includes(part))?.[1] ?? 'other';
}

/** The fused and latent forms of v are as sensitive as v itself, and take its rule. */
export const isAttentionV = (category: TensorCategory): boolean => category === 'attnV' || category === 'attnQkv' || category === 'attnKvB';

/** The layer number in `blk.N.…`, or undefined. */
export function layerOf(name: string): number | undefined {
  const match = /^blk\.(\d{1,6})\./.exec(name);
  return match?.[1] === undefined ? undefined : Number(match[1]);
}

/** Weights that stay as they are under every mix: norms, gates, positions, and the small matrices of recurrent layers. */
const kept: readonly string[] = [
  '_norm.weight',
  'ffn_gate_inp.weight',
  'ffn_gate_tid2eid.weight',
  'altup',
  'laurel',
  'per_layer_model_proj',
  'ssm_conv1d',
  'shortconv.conv.weight',
  'indexer.k_proj.weight',
  'indexer.q_proj.weight',
  'time_mix_first.weight',
  'time_mix_w0.weight',
  'time_mix_w1.weight',
  'time_mix_w2.weight',
  'time_mix_v0.weight',
  'time_mix_v1.weight',
  'time_mix_v2.weight',
  'time_mix_a0.weight',
  'time_mix_a1.weight',
  'time_mix_a2.weight',
  'time_mix_g1.weight',
  'time_mix_g2.weight',
  'time_mix_decay_w1.weight',
  'time_mix_decay_w2.weight',
  'time_mix_lerp_fused.weight',
  'attn_rel_b.weight',
  '.position_embd',
  'sam.pos_embd',
  'sam.neck.',
  'sam.net_',
  '.rel_pos',
  '.patch_embd',
  '.patch_merger',
  'a.rvq.codebook',
  'mm.a.code_embd',
];

/** Whether a mix may change this tensor at all. `dimensions` in GGUF order, trailing ones dropped. */
export function mayQuantize(name: string, dimensions: readonly number[]): boolean {
  const rank = dimensions.findLastIndex((extent) => extent !== 1) + 1;
  if (rank < 2 || !name.endsWith('weight')) return false;
  if (name === 'position_embd.weight' || name === 'token_types.weight') return false;
  return !kept.some((part) => name.includes(part));
}
