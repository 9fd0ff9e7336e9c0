import { AppError } from '../errors/index.ts';
import type { GgufHeader } from '../gguf/header.ts';
import type { GgufValue } from '../gguf/values.ts';

/** Which models the trainer knows, and the numbers of their graphs. */

interface Rope {
  readonly base: number;
  /** What positions are multiplied with. */
  readonly scale: number;
}

/** src/native/train/family.h says what each is. */
export interface TrainableFamily {
  readonly architecture: string;
  readonly layers: number;
  readonly embedding: number;
  readonly feedForward: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly keyLength: number;
  readonly valueLength: number;
  readonly vocabulary: number;
  readonly normEpsilon: number;
  readonly embeddingScale: number;
  readonly attentionScale: number;
  readonly attentionSoftcap: number;
  readonly finalSoftcap: number;
  readonly gelu: boolean;
  readonly ropeNeox: boolean;
  readonly ropeDimensions: number;
  readonly ropeOriginalContext: number;
  readonly yarnExtFactor: number;
  readonly yarnAttentionFactor: number;
  readonly yarnBetaFast: number;
  readonly yarnBetaSlow: number;
  readonly rope: Rope;
  readonly ropeSliding: Rope;
  /** Tensor of factors of the frequencies; empty: none. */
  readonly ropeFactors: string;
  /** Tokens that a layer with a sliding window sees. */
  readonly window: number;
  /** For each layer. */
  readonly sliding: readonly boolean[];
  readonly rotates: readonly boolean[];
  /** Tensors of each layer that an adapter can be put beside, by their last name, such as `attn_q`. */
  readonly linears: readonly string[];
}

/** What sets a family of llama.cpp's src/models apart from Llama. */
interface Traits {
  readonly neox?: true;
  readonly gemma?: true;
  /** One layer in so many sees all; the others have the window. */
  readonly period?: number;
  readonly defaultWindow?: number;
  /** Every such layer does not turn by position. */
  readonly unturned?: number;
  /** Layers of the 27B models, whose queries are scaled by the embedding's share of a head. */
  readonly wideLayers?: number;
}

const families: Readonly<Record<string, Traits>> = {
  llama: {},
  smollm3: { unturned: 4 },
  qwen2: { neox: true },
  qwen3: { neox: true },
  phi3: { neox: true },
  gemma: { neox: true, gemma: true },
  gemma2: { neox: true, gemma: true, period: 2, defaultWindow: 4096, wideLayers: 46 },
  gemma3: { neox: true, gemma: true, period: 6, wideLayers: 62 },
};

export const trainableArchitectures: readonly string[] = Object.keys(families);

const linearParts = ['attn_q', 'attn_k', 'attn_v', 'attn_qkv', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down'];
const layerTensor =
  /^blk\.\d+\.(attn_norm|attn_q_norm|attn_k_norm|post_attention_norm|ffn_norm|post_ffw_norm|attn_q|attn_k|attn_v|attn_qkv|attn_output|ffn_gate|ffn_up|ffn_down)\.(weight|bias)$/;
const otherTensors = new Set([
  'token_embd.weight',
  'output_norm.weight',
  'output.weight',
  'rope_freqs.weight',
  'rope_factors_long.weight',
  'rope_factors_short.weight',
]);

/** What a GGUF file says of its model before its data. */
interface ModelHeader extends Pick<GgufHeader, 'metadata'> {
  readonly tensors: readonly Pick<GgufHeader['tensors'][number], 'name' | 'dimensions'>[];
}

/**
 * How a model is trained, from its GGUF header; `maxTokens` is the longest row. Throws `train.unsupportedArchitecture` for what
 * the trainer's graph has no place for: it would train another model than the one that is used.
 */
export function trainableFamily({ metadata, tensors }: ModelHeader, maxTokens: number): TrainableFamily {
  const named = metadata.get('general.architecture');
  const architecture = named?.type === 'str' ? named.value : '';
  const refuse = (reason: string): AppError => new AppError('train.unsupportedArchitecture', { architecture, reason });
  const traits = Object.hasOwn(families, architecture) ? families[architecture] : undefined;
  if (traits === undefined) throw refuse(`only ${trainableArchitectures.join(', ')} can be trained`);

  const value = (key: string): GgufValue | undefined => metadata.get(`${architecture}.${key}`);
  const number = (key: string): number | undefined => {
    const found = value(key);
    if (found === undefined) return undefined;
    if (found.type !== 'arr') return Number(found.value);
    // The same number for each layer is one number.
    const all = Array.from(found.value, Number);
    if (all.some((each) => each !== all[0])) throw refuse(`its layers differ in ${key}`);
    return all[0];
  };
  const count = (key: string, most = 2 ** 24): number => {
    const found = number(key);
    if (found === undefined || !Number.isSafeInteger(found) || found < 1 || found > most) throw refuse(`${key} is missing or cannot be`);
    return found;
  };
  const real = (key: string, fallback: number): number => {
    const found = number(key) ?? fallback;
    if (!Number.isFinite(found)) throw refuse(`${key} cannot be`);
    return found;
  };
  const text = (key: string): string | undefined => {
    const found = value(key);
    return found?.type === 'str' ? found.value : undefined;
  };

  if ((number('expert_count') ?? 0) > 0) throw refuse('it has experts');
  for (const { name, dimensions } of tensors) {
    if (!layerTensor.test(name) && !otherTensors.has(name)) throw refuse(`the trainer does not know its tensor ${name}`);
    if (dimensions.length > 2) throw refuse(`its tensor ${name} has ${dimensions.length} dimensions`);
  }
  const shapes = new Map(tensors.map(({ name, dimensions }) => [name, dimensions]));
  const layers = count('block_count', 4096);
  const embedding = count('embedding_length');
  const feedForward = count('feed_forward_length');
  const heads = count('attention.head_count', 65_536);
  const kvHeads = number('attention.head_count_kv') === undefined ? heads : count('attention.head_count_kv', 65_536);
  if (heads % kvHeads !== 0) throw refuse('its heads do not share key heads evenly');
  const keyLength = number('attention.key_length') === undefined ? embedding / heads : count('attention.key_length', 65_536);
  const valueLength = number('attention.value_length') === undefined ? keyLength : count('attention.value_length', 65_536);
  const vocabulary = shapes.get('token_embd.weight')?.[1];
  if (vocabulary === undefined || shapes.get('token_embd.weight')?.[0] !== embedding)
    throw refuse('its embeddings are missing or of another length');
  const part = (layer: number, name: string): boolean => shapes.has(`blk.${layer}.${name}.weight`);
  const needed = (layer: number): string[] => [
    'attn_norm',
    ...(part(layer, 'attn_qkv') ? ['attn_qkv'] : ['attn_q', 'attn_k', 'attn_v']),
    'attn_output',
    'ffn_norm',
    ...(architecture === 'phi3' ? [] : ['ffn_gate']),
    'ffn_up',
    'ffn_down',
  ];
  const widths: Readonly<Record<string, readonly [number, number]>> = {
    attn_q: [embedding, heads * keyLength],
    attn_k: [embedding, kvHeads * keyLength],
    attn_v: [embedding, kvHeads * valueLength],
    attn_qkv: [embedding, (heads + kvHeads) * keyLength + kvHeads * valueLength],
    attn_output: [heads * valueLength, embedding],
    ffn_gate: [embedding, feedForward],
    ffn_up: [embedding, architecture === 'phi3' ? 2 * feedForward : feedForward],
    ffn_down: [feedForward, embedding],
  };
  for (let layer = 0; layer < layers; layer++)
    for (const name of needed(layer)) {
      const shape = shapes.get(`blk.${layer}.${name}.weight`);
      if (shape === undefined) throw refuse(`blk.${layer}.${name}.weight is missing`);
      const [inputs, outputs] = widths[name] ?? [embedding, 1];
      if (shape[0] !== inputs || (shape[1] ?? 1) !== outputs)
        throw refuse(`blk.${layer}.${name}.weight has another shape than its settings say`);
    }
  if (!shapes.has('output_norm.weight')) throw refuse('output_norm.weight is missing');

  const scalingType = text('rope.scaling.type') ?? 'linear';
  const factor = real('rope.scaling.factor', 0);
  const scale = scalingType === 'none' || factor === 0 ? 1 : 1 / factor;
  const isYarn = scalingType === 'yarn';
  const base = real('rope.freq_base', 10_000);
  const originalContext = number('rope.scaling.original_context_length') ?? count('context_length', 2 ** 30);
  const statedWindow = real('attention.sliding_window', traits.defaultWindow ?? 0);
  // Gemma 3 without a window sees everything. llama.cpp does not apply the windows of Phi-3 and Mistral either.
  const window = traits.period === undefined ? 0 : statedWindow;
  const pattern = value('attention.sliding_window_pattern');
  const period = pattern === undefined || pattern.type === 'arr' ? traits.period : Number(pattern.value);
  const isSliding = (layer: number): boolean => {
    if (window === 0 || period === undefined) return false;
    if (pattern?.type === 'arr') return Boolean(pattern.value[layer]);
    return period === 0 || layer % period < period - 1;
  };
  const everyLayer = <T>(each: (layer: number) => T): T[] => Array.from({ length: layers }, (_, layer) => each(layer));
  const wide = traits.wideLayers === layers ? embedding / heads : keyLength;
  const hasFactors = shapes.has('rope_factors_short.weight') && shapes.has('rope_factors_long.weight');
  return {
    architecture,
    layers,
    embedding,
    feedForward,
    heads,
    kvHeads,
    keyLength,
    valueLength,
    vocabulary,
    normEpsilon: real('attention.layer_norm_rms_epsilon', 1e-5),
    embeddingScale: traits.gemma === true ? Math.sqrt(embedding) : 1,
    attentionScale: 1 / Math.sqrt(wide),
    attentionSoftcap: architecture === 'gemma2' ? real('attn_logit_softcapping', 50) : 0,
    finalSoftcap:
      traits.gemma === true && architecture !== 'gemma' ? real('final_logit_softcapping', architecture === 'gemma2' ? 30 : 0) : 0,
    gelu: traits.gemma === true,
    ropeNeox: traits.neox === true,
    ropeDimensions: real('rope.dimension_count', keyLength),
    ropeOriginalContext: originalContext,
    yarnExtFactor: isYarn ? real('rope.scaling.yarn_ext_factor', 1) : 0,
    // With YaRN llama.cpp's own factor and the operator's cancel each other.
    yarnAttentionFactor: real('rope.scaling.attn_factor', 1),
    yarnBetaFast: real('rope.scaling.yarn_beta_fast', 32),
    yarnBetaSlow: real('rope.scaling.yarn_beta_slow', 1),
    rope: { base, scale },
    ropeSliding:
      architecture === 'gemma2'
        ? { base: real('rope.freq_base_swa', base), scale }
        : { base: real('rope.freq_base_swa', 10_000), scale: 1 },
    ropeFactors: shapes.has('rope_freqs.weight')
      ? 'rope_freqs.weight'
      : hasFactors
        ? `rope_factors_${maxTokens > originalContext ? 'long' : 'short'}.weight`
        : '',
    window,
    sliding: everyLayer(isSliding),
    rotates: everyLayer((layer) => traits.unturned === undefined || (layer + 1) % traits.unturned !== 0),
    linears: linearParts.filter((name) => part(0, name)),
  };
}
