import { AppError } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import { badConfig, count, flag, positive, text, type Config } from '../model/config.ts';
import type { Hyperparameters } from './architecture.ts';
import { readRope } from './rope.ts';

/** Room for every real model; llama.cpp refuses more (LLAMA_MAX_LAYERS in llama-hparams.h). It bounds the tensor table of a hostile config. */
const MAX_LAYERS = 512;

/** What a family's transformers class fills in where config.json is silent. */
export interface Defaults {
  readonly contextLength: number;
  readonly normEpsilon: number;
  readonly freqBase: number;
  readonly freqBaseSwa?: number;
  readonly tiedEmbeddings: boolean;
  readonly headCount?: number;
  /** Where absent: as many as query heads. */
  readonly headCountKv?: number;
  /** Where absent: embedding length / heads. */
  readonly headDimension?: number;
  readonly vocabularySize?: number;
  readonly slidingWindow?: number;
}

/**
 * Read the settings that all families with rotary positions share.
 * @throws model.badConfig when a needed one is absent or any is not what it should be.
 */
export function readHyperparameters(config: Config, defaults: Defaults): Hyperparameters {
  const headCount = count.optional(config, 'num_attention_heads') ?? defaults.headCount ?? count.required(config, 'num_attention_heads');
  const embeddingLength = count.required(config, 'hidden_size');
  const headCountKv = count.optional(config, 'num_key_value_heads') ?? defaults.headCountKv ?? headCount;
  const headDimension = count.optional(config, 'head_dim') ?? defaults.headDimension ?? dividedEvenly(embeddingLength, headCount);
  if (headCount % headCountKv !== 0)
    throw badConfig('num_key_value_heads', headCountKv, `a divisor of num_attention_heads, which is ${headCount}`);
  if (headDimension % 2 !== 0) throw badConfig('head_dim', headDimension, 'an even number, since rotary positions turn pairs');
  const rope = readRope(config, defaults);
  return {
    layerCount: readLayerCount(config, 'num_hidden_layers'),
    embeddingLength,
    feedForwardLength: count.required(config, 'intermediate_size'),
    headCount,
    headCountKv,
    headDimension,
    statesHeadDimension: defaults.headDimension !== undefined || count.optional(config, 'head_dim') !== undefined,
    vocabularySize: count.optional(config, 'vocab_size') ?? defaults.vocabularySize ?? count.required(config, 'vocab_size'),
    contextLength: count.optional(config, 'max_position_embeddings') ?? defaults.contextLength,
    normEpsilon: positive.optional(config, 'rms_norm_eps') ?? defaults.normEpsilon,
    ropeFreqBase: rope.freqBase,
    ropeFreqBaseSwa: rope.freqBaseSwa,
    ropeDimensionCount: Math.floor(rope.partialFactor * headDimension),
    ropeScaling: rope.scaling,
    slidingWindow: count.optional(config, 'sliding_window') ?? (config['sliding_window'] === null ? undefined : defaults.slidingWindow),
    tiedEmbeddings: flag.optional(config, 'tie_word_embeddings') ?? defaults.tiedEmbeddings,
    attentionSoftcap: undefined,
    finalSoftcap: undefined,
  };
}

/** @throws model.badConfig above llama.cpp's limit */
export function readLayerCount(config: Config, field: string): number {
  const layers = count.required(config, field);
  if (layers > MAX_LAYERS) throw badConfig(field, layers, `at most ${MAX_LAYERS}`);
  return layers;
}

function dividedEvenly(embeddingLength: number, headCount: number): number {
  if (embeddingLength % headCount !== 0)
    throw badConfig('num_attention_heads', headCount, `a divisor of hidden_size, which is ${embeddingLength}`);
  return embeddingLength / headCount;
}

/**
 * Refuse a setting that llama.cpp has built in with another value: the converted model would load and answer nonsense.
 * @throws model.unsupportedConfig
 */
export function requireSetting(field: string, value: string | number | undefined, accepted: readonly (string | number)[]): void {
  if (value !== undefined && !accepted.includes(value))
    throw new AppError('model.unsupportedConfig', { field, value: excerpt(String(value)), expected: accepted.join(' / ') });
}

/** The activation of the feed-forward network: `silu` for most, a tanh-approximated GELU for Gemma and GPT-2. */
export function requireActivation(config: Config, kind: 'silu' | 'gelu', ...fields: string[]): void {
  const accepted = kind === 'silu' ? ['silu', 'swish'] : ['gelu_pytorch_tanh', 'gelu_new', 'gelu', 'gelu_fast'];
  for (const field of fields) requireSetting(field, text.optional(config, field), accepted);
}
