import type { Config } from '../model/config.ts';
import type { Architecture, ComputedTensor, Hyperparameters } from './architecture.ts';
import { readHyperparameters, requireActivation, type Defaults } from './hyperparameters.ts';
import { commonMetadata, u32 } from './metadata.ts';
import { llama3Divisors } from './rope.ts';
import { canonicalLlamaName, embeddingNames, llamaTensors } from './tensor-table.ts';
import { ropeScalingIgnored, slidingWindowIgnored } from './warnings.ts';

const defaults: Defaults = { contextLength: 2048, normEpsilon: 1e-6, freqBase: 10_000, tiedEmbeddings: false };

/** The rotary divisors of Llama 3.1 and later, for every family whose converter is Llama's. */
export const llamaComputed = (h: Hyperparameters): ComputedTensor[] =>
  h.ropeScaling.type === 'llama3' && h.ropeFreqBase !== undefined
    ? [{ gguf: 'rope_freqs.weight', values: llama3Divisors(h.ropeScaling, h.ropeFreqBase, h.headDimension) }]
    : [];

/** What Llama's converter adds at the end, for Llama, Mistral and SmolLM 3. */
export const llamaMetadata = (arch: string, h: Hyperparameters, fileType: number) => [
  ...commonMetadata(arch, h, fileType),
  u32(`${arch}.vocab_size`, h.vocabularySize),
  u32(`${arch}.rope.dimension_count`, h.headDimension),
];

/** Llama 1 to 3, and the many models of the same shape: SmolLM, TinyStories, Yi, … */
export const llama: Architecture = {
  family: 'llama',
  ggufName: 'llama',
  hfClasses: ['LlamaForCausalLM', 'LLaMAForCausalLM', 'LlamaModel'],
  hyperparameters: (config: Config) => {
    requireActivation(config, 'silu', 'hidden_act');
    // LlamaConfig always ends up with a head_dim, so its length is always stated.
    return { ...readHyperparameters(config, defaults), statesHeadDimension: true };
  },
  metadata: (h, fileType) => llamaMetadata('llama', h, fileType),
  tensors: (h) => llamaTensors(h, { permuteQueryKey: true, allBiases: true }),
  computed: llamaComputed,
  embedding: embeddingNames,
  canonicalName: canonicalLlamaName,
  warnings: (h) => ropeScalingIgnored(h),
};

/** Mistral 7B and Nemo: Llama's tensors and GGUF name. The sliding window of Mistral 7B 0.1 has no place in that GGUF architecture. */
export const mistral: Architecture = {
  ...llama,
  family: 'mistral',
  hfClasses: ['MistralForCausalLM'],
  hyperparameters: (config) => {
    requireActivation(config, 'silu', 'hidden_act');
    return readHyperparameters(config, { ...defaults, contextLength: 131_072, headCountKv: 8, slidingWindow: 4096 });
  },
  warnings: (h) => [...ropeScalingIgnored(h), ...slidingWindowIgnored(h)],
};
