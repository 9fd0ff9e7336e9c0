import { AppError } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import { count } from '../model/config.ts';
import type { Architecture } from './architecture.ts';
import { readHyperparameters, requireActivation, requireSetting } from './hyperparameters.ts';
import { llamaComputed, llamaMetadata } from './llama.ts';
import { canonicalLlamaName, embeddingNames, llamaTensors } from './tensor-table.ts';
import { ropeScalingIgnored, slidingWindowIgnored } from './warnings.ts';

/** llama.cpp's loader leaves every fourth layer without rotary positions (`n_no_rope_layer_step`), whatever the file says. */
const NO_ROPE_INTERVAL = 4;

/** SmolLM 3: Llama, with every fourth layer without positions. */
export const smollm3: Architecture = {
  family: 'smollm3',
  ggufName: 'smollm3',
  hfClasses: ['SmolLM3ForCausalLM'],
  hyperparameters: (config) => {
    requireActivation(config, 'silu', 'hidden_act');
    requireSetting('no_rope_layer_interval', count.optional(config, 'no_rope_layer_interval'), [NO_ROPE_INTERVAL]);
    const layers = config['no_rope_layers'];
    if (Array.isArray(layers) && !layers.every((rotates, i) => rotates === ((i + 1) % NO_ROPE_INTERVAL === 0 ? 0 : 1)))
      throw new AppError('model.unsupportedConfig', {
        field: 'no_rope_layers',
        value: excerpt(layers.join(' ')),
        expected: `every ${NO_ROPE_INTERVAL}th layer`,
      });
    const h = readHyperparameters(config, {
      contextLength: 32_768,
      normEpsilon: 1e-6,
      freqBase: 2_000_000,
      tiedEmbeddings: true,
      headCountKv: 4,
    });
    return { ...h, slidingWindow: config['use_sliding_window'] === true ? h.slidingWindow : undefined };
  },
  metadata: (h, fileType) => llamaMetadata('smollm3', h, fileType),
  tensors: (h) => llamaTensors(h, { permuteQueryKey: true }),
  computed: llamaComputed,
  embedding: embeddingNames,
  canonicalName: canonicalLlamaName,
  warnings: (h) => [...ropeScalingIgnored(h), ...slidingWindowIgnored(h)],
};
