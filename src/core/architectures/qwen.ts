import { badConfig, flag, type Config } from '../model/config.ts';
import type { Architecture, Hyperparameters } from './architecture.ts';
import { readHyperparameters, requireActivation, type Defaults } from './hyperparameters.ts';
import { commonMetadata } from './metadata.ts';
import { canonicalLlamaName, embeddingNames, llamaTensors } from './tensor-table.ts';
import { ropeScalingIgnored, slidingWindowIgnored } from './warnings.ts';

const defaults: Defaults = { contextLength: 32_768, normEpsilon: 1e-6, freqBase: 10_000, tiedEmbeddings: false, headCountKv: 32 };

/** The window is only in force where `use_sliding_window` says so. */
function readQwen(config: Config, more: Partial<Defaults>): Hyperparameters {
  requireActivation(config, 'silu', 'hidden_act');
  const h = readHyperparameters(config, { ...defaults, ...more });
  return { ...h, slidingWindow: flag.optional(config, 'use_sliding_window') === true ? h.slidingWindow : undefined };
}

const qwen: Omit<Architecture, 'family' | 'ggufName' | 'hfClasses' | 'hyperparameters' | 'metadata' | 'tensors'> = {
  computed: () => [],
  embedding: embeddingNames,
  canonicalName: canonicalLlamaName,
  warnings: (h) => [
    ...ropeScalingIgnored(h),
    ...slidingWindowIgnored(h),
    // Only Llama's converter and loader know the tensor of divisors.
    ...(h.ropeScaling.type === 'llama3' ? [{ code: 'model.ropeScalingIgnored' as const, params: { method: 'llama3' } }] : []),
  ],
};

/** Qwen 1.5, 2 and 2.5: biases on q, k and v, rotary halves as transformers has them. */
export const qwen2: Architecture = {
  ...qwen,
  family: 'qwen2',
  ggufName: 'qwen2',
  hfClasses: ['Qwen2ForCausalLM', 'Qwen2Model'],
  hyperparameters: (config) => {
    const h = readQwen(config, {});
    if (h.headDimension * h.headCount !== h.embeddingLength)
      throw badConfig('head_dim', h.headDimension, `hidden_size / num_attention_heads, which is ${h.embeddingLength / h.headCount}`);
    return h;
  },
  metadata: (h, fileType) => commonMetadata('qwen2', h, fileType),
  tensors: (h) => llamaTensors(h, {}),
};

/** Qwen 3, dense: norms on each query and key head, and a head dimension of its own. */
export const qwen3: Architecture = {
  ...qwen,
  family: 'qwen3',
  ggufName: 'qwen3',
  hfClasses: ['Qwen3ForCausalLM', 'Qwen3Model'],
  hyperparameters: (config) => readQwen(config, { headDimension: 128 }),
  metadata: (h, fileType) => commonMetadata('qwen3', h, fileType),
  tensors: (h) => llamaTensors(h, { headNorms: true }),
};
