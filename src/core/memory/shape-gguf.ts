import type { GgufHeader, GgufTensorInfo } from '../gguf/header.ts';
import type { GgufValue } from '../gguf/values.ts';
import { factsFromGguf } from '../model/facts-gguf.ts';
import { shapeFromFacts } from './shape-facts.ts';
import { MAX_EXPERTS, type FeedForward, type GuessedTerm, type LayerShape, type Memory, type ModelShape } from './shape.ts';
import { windowPattern } from './windows.ts';

/** A GGUF header, of which the estimate takes every layer as it is. */
type Header = Pick<GgufHeader, 'metadata' | 'tensors'>;

/**
 * The shape of a model from its GGUF header: heads, lengths and weights of each layer. What a file does not say, or says in a
 * way that cannot be, is taken as `shapeFromFacts` takes it.
 */
export function shapeFromGguf(header: Header): ModelShape {
  const rough = shapeFromFacts(factsFromGguf(header));
  const { architecture } = rough;
  const read = reader(header, architecture ?? '');
  const weights = groupWeights(header.tensors, rough.layers.length);
  const names = new Set(header.tensors.map(({ name }) => name));
  const has = (index: number, part: string): boolean => names.has(`blk.${index}.${part}.weight`) || names.has(`blk.${index}.${part}`);
  const stated = read.booleans('attention.sliding_window_pattern') ?? read.count('attention.sliding_window_pattern');
  const windows = windowPattern(architecture, read.count('attention.sliding_window'), stated);
  const guessed = new Set<GuessedTerm>(rough.guessed);
  guessed.delete('weightPlacement');
  if (windows.guessed) guessed.add('slidingWindow');
  else guessed.delete('slidingWindow');
  const layers = rough.layers.map((layer, index): LayerShape => {
    const usual = layer.memory;
    const memory = memoryOf({ read, has, index, usual, window: windows.isWindowed(index) ? windows.window : null });
    if (memory !== usual) for (const term of ['latentRank', 'recurrentState'] as const) guessed.delete(term);
    return { memory, feedForward: feedForwardOf(read, has, index, layer.feedForward), weightBytes: weights.layers[index] ?? 0 };
  });
  return {
    ...rough,
    layers,
    inputBytes: weights.input,
    outputBytes: weights.output,
    tiedBytes: names.has('output.weight') ? 0 : (header.tensors.find(({ name }) => name === 'token_embd.weight')?.sizeBytes ?? 0),
    traits: {
      ...rough.traits,
      headNorms: has(0, 'attn_q_norm') && has(0, 'attn_k_norm'),
      fusedProjections: layers.some((_, index) => has(index, 'attn_qkv')),
      fusedGate: rough.traits.fusedGate && !has(0, 'ffn_gate'),
      biases: names.has('blk.0.attn_output.bias')
        ? 'all'
        : names.has('blk.0.attn_q.bias') || names.has('blk.0.attn_qkv.bias')
          ? 'projections'
          : 'none',
      scanNorms: layers.some((_, index) => has(index, 'ssm_dt_norm')),
    },
    guessed: [...guessed],
  };
}

/** Counts of the architecture's own keys, one for all layers or one for each. */
interface Reader {
  readonly count: (key: string) => number | undefined;
  readonly countAt: (key: string, index: number) => number | undefined;
  readonly booleans: (key: string) => readonly boolean[] | undefined;
}

function reader({ metadata }: Header, architecture: string): Reader {
  const value = (key: string): GgufValue | undefined => metadata.get(`${architecture}.${key}`);
  const whole = (number: unknown): number | undefined =>
    typeof number === 'number' && Number.isInteger(number) && number >= 0 && number < 2 ** 31 ? number : undefined;
  const count = (key: string): number | undefined => {
    const found = value(key);
    return found === undefined || found.type === 'arr' ? undefined : whole(Number(found.value));
  };
  return {
    count,
    countAt: (key, index) => {
      const found = value(key);
      return found?.type === 'arr' ? whole(Number(found.value[index])) : count(key);
    },
    booleans: (key) => {
      const found = value(key);
      return found?.type === 'arr' ? Array.from(found.value, Boolean) : undefined;
    },
  };
}

interface LayerQuestion {
  readonly read: Reader;
  readonly has: (index: number, part: string) => boolean;
  readonly index: number;
  /** What the facts say of every layer. */
  readonly usual: Memory;
  readonly window: number | null;
}

function memoryOf({ read, has, index, usual, window }: LayerQuestion): Memory {
  if (has(index, 'ssm_in')) return mambaState(read, usual);
  if (usual.kind === 'latent') return latentCache(read, usual);
  if (usual.kind !== 'attention') return usual;
  const suffix = window === null ? '' : '_swa';
  const headCount = read.countAt('attention.head_count', index) ?? usual.headCount;
  const headCountKv = read.countAt('attention.head_count_kv', index) ?? usual.headCountKv;
  // Layers of hybrid models that keep nothing have no key heads.
  if (headCountKv === 0 || headCount === 0) return { kind: 'none' };
  return {
    kind: 'attention',
    headCount,
    headCountKv,
    keyLength: read.count(`attention.key_length${suffix}`) ?? usual.keyLength,
    valueLength: read.count(`attention.value_length${suffix}`) ?? usual.valueLength,
    window,
  };
}

/** `n_embd_r` and `n_embd_s` in llama-hparams.cpp. */
function mambaState(read: Reader, usual: Memory): Memory {
  const innerLength = Math.max(1, read.count('ssm.inner_size') ?? (usual.kind === 'recurrent' ? usual.innerLength : 1));
  const state = read.count('ssm.state_size') ?? 16;
  const groups = read.count('ssm.group_count') ?? 0;
  const convolutionChannels = innerLength + 2 * groups * state;
  return {
    kind: 'recurrent',
    family: groups > 0 ? 'mamba2' : 'mamba',
    convolutionLength: Math.max(0, (read.count('ssm.conv_kernel') ?? 4) - 1) * convolutionChannels,
    stateLength: state * innerLength,
    innerLength,
    convolutionChannels,
    stepRank: read.count('ssm.time_step_rank') ?? Math.ceil(innerLength / 32),
  };
}

/** Without the lengths of the decompressed heads the file is an old one, whose cache holds decompressed keys and values. */
function latentCache(read: Reader, usual: Extract<Memory, { kind: 'latent' }>): Memory {
  const latentLength = read.count('attention.kv_lora_rank') ?? usual.latentLength;
  const positionLength = read.count('rope.dimension_count') ?? usual.positionLength;
  const keyLength = read.count('attention.key_length_mla');
  const valueLength = read.count('attention.value_length_mla');
  const { headCount } = usual;
  if (keyLength !== undefined && valueLength !== undefined && keyLength > positionLength)
    return {
      kind: 'latent',
      headCount,
      latentLength,
      positionLength,
      keyLength,
      valueLength,
      queryRank: read.count('attention.q_lora_rank') ?? null,
    };
  return {
    kind: 'attention',
    headCount,
    headCountKv: headCount,
    keyLength: read.count('attention.key_length') ?? usual.keyLength,
    valueLength: read.count('attention.value_length') ?? usual.valueLength,
    window: null,
  };
}

function feedForwardOf(read: Reader, has: LayerQuestion['has'], index: number, usual: FeedForward): FeedForward {
  const length = read.countAt('feed_forward_length', index) ?? (usual.kind === 'none' ? 0 : usual.length);
  if (has(index, 'ffn_gate_inp')) {
    const expertLength = read.countAt('expert_feed_forward_length', index) ?? length;
    const shared = read.count('expert_shared_feed_forward_length') ?? (read.count('expert_shared_count') ?? 0) * expertLength;
    const usedCount = Math.min(MAX_EXPERTS, Math.max(1, read.countAt('expert_used_count', index) ?? 2));
    const expertCount = Math.min(MAX_EXPERTS, Math.max(usedCount, read.count('expert_count') ?? usedCount));
    return { kind: 'experts', length: expertLength, expertCount, usedCount, sharedLength: has(index, 'ffn_up_shexp') ? shared : 0 };
  }
  if (!has(index, 'ffn_up') || length === 0) return { kind: 'none' };
  return { kind: has(index, 'ffn_gate') || usual.kind === 'gated' ? 'gated' : 'plain', length };
}

/** Bytes of each layer's tensors, of those before and of those behind the layers. */
function groupWeights(
  tensors: readonly Pick<GgufTensorInfo, 'name' | 'sizeBytes'>[],
  layerCount: number,
): { readonly input: number; readonly layers: readonly number[]; readonly output: number } {
  const layers = Array.from({ length: layerCount }, () => 0);
  let input = 0;
  let output = 0;
  for (const { name, sizeBytes } of tensors) {
    const index = Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? -1);
    const before = layers[index];
    if (before !== undefined) layers[index] = before + sizeBytes;
    else if (name.startsWith('output')) output += sizeBytes;
    else input += sizeBytes;
  }
  return { input, layers, output };
}
