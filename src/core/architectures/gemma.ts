import { AppError, type AppErrorData } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import { badConfig, count, positive, type Config } from '../model/config.ts';
import type { Architecture, Hyperparameters } from './architecture.ts';
import { readHyperparameters, requireActivation, type Defaults } from './hyperparameters.ts';
import { commonMetadata, f32, f32If, fileTypeEntry, headLengths, present, u32, u32If } from './metadata.ts';
import { canonicalLlamaName, embeddingNames, llamaTensors } from './tensor-table.ts';
import { attentionScale, ropeScalingIgnored } from './warnings.ts';

const defaults: Defaults = { contextLength: 8192, normEpsilon: 1e-6, freqBase: 10_000, tiedEmbeddings: true, headDimension: 256 };

/** Where the loader takes 1/√(embedding / heads) in place of 1/√(head dimension): the 27B models, known by their layers. */
const GEMMA2_27B_LAYERS = 46;
const GEMMA3_27B_LAYERS = 62;

const gemmaActivation = (config: Config): void => requireActivation(config, 'gelu', 'hidden_activation', 'hidden_act');

/** Gemma 1 and 2 write a list of their own, without rotary settings: the loader's defaults are theirs. */
const shortMetadata = (arch: string, h: Hyperparameters, fileType: number) => [
  u32(`${arch}.context_length`, h.contextLength),
  u32(`${arch}.embedding_length`, h.embeddingLength),
  u32(`${arch}.block_count`, h.layerCount),
  u32(`${arch}.feed_forward_length`, h.feedForwardLength),
  u32(`${arch}.attention.head_count`, h.headCount),
  u32(`${arch}.attention.head_count_kv`, h.headCountKv),
  f32(`${arch}.attention.layer_norm_rms_epsilon`, h.normEpsilon),
  ...headLengths(arch, h),
  fileTypeEntry(fileType),
];

/** A soft cap that is absent has the family's default; null means that there is none, which the loader knows as zero. */
const softcap = (config: Config, field: string, fallback: number): number =>
  config[field] === null ? 0 : (positive.optional(config, field) ?? fallback);

/** A rotary base other than the loader's default of 10,000, which upstream's converter leaves out for Gemma 1 and 2. */
const otherFreqBase = (arch: string, h: Hyperparameters) =>
  h.ropeFreqBase === 10_000 ? [] : present(f32If(`${arch}.rope.freq_base`, h.ropeFreqBase));

export const gemma: Architecture = {
  family: 'gemma',
  ggufName: 'gemma',
  hfClasses: ['GemmaForCausalLM'],
  hyperparameters: (config) => {
    gemmaActivation(config);
    return readHyperparameters(config, { ...defaults, headCountKv: 16 });
  },
  metadata: (h, fileType) => [...shortMetadata('gemma', h, fileType), ...otherFreqBase('gemma', h)],
  tensors: (h) => llamaTensors(h, { shiftedNorms: true, output: false }),
  computed: () => [],
  embedding: embeddingNames,
  canonicalName: canonicalLlamaName,
  warnings: (h) => ropeScalingWarnings(h),
};

export const gemma2: Architecture = {
  ...gemma,
  family: 'gemma2',
  ggufName: 'gemma2',
  hfClasses: ['Gemma2ForCausalLM'],
  hyperparameters: (config) => {
    gemmaActivation(config);
    return {
      ...readHyperparameters(config, { ...defaults, headCountKv: 4, slidingWindow: 4096 }),
      slidingWindowPeriod: slidingWindowPeriod(config, 2),
      attentionSoftcap: softcap(config, 'attn_logit_softcapping', 50),
      finalSoftcap: softcap(config, 'final_logit_softcapping', 30),
    };
  },
  metadata: (h, fileType) => [
    ...shortMetadata('gemma2', h, fileType),
    ...present(
      f32If('gemma2.attn_logit_softcapping', h.attentionSoftcap),
      f32If('gemma2.final_logit_softcapping', h.finalSoftcap),
      u32If('gemma2.attention.sliding_window', h.slidingWindow),
    ),
    ...otherFreqBase('gemma2', h),
    ...otherPeriod('gemma2', h, 2),
  ],
  tensors: (h) => llamaTensors(h, { shiftedNorms: true, sandwichNorms: true, output: false }),
  warnings: (h, config) => [...ropeScalingWarnings(h), ...queryScale(h, config, GEMMA2_27B_LAYERS)],
};

/** Gemma 3's text model, alone or inside the multimodal one: `language_model.` is stripped and the vision half left out. */
export const gemma3: Architecture = {
  ...gemma,
  family: 'gemma3',
  ggufName: 'gemma3',
  hfClasses: ['Gemma3ForCausalLM', 'Gemma3ForConditionalGeneration'],
  hyperparameters: (config) => {
    gemmaActivation(config);
    if (positive.optional(config, 'attn_logit_softcapping') !== undefined)
      throw new AppError('model.unsupportedConfig', {
        field: 'attn_logit_softcapping',
        value: positive.required(config, 'attn_logit_softcapping'),
        expected: 'none',
      });
    const period = slidingWindowPeriod(config, 6);
    const h = readHyperparameters(config, {
      contextLength: 131_072,
      normEpsilon: 1e-6,
      freqBase: 1_000_000,
      freqBaseSwa: 10_000,
      tiedEmbeddings: true,
      headCount: 8,
      headCountKv: 4,
      headDimension: 256,
      vocabularySize: 262_208,
      slidingWindow: 4096,
    });
    return {
      ...h,
      slidingWindowPeriod: period,
      // Every layer sees everything: the loader knows that by the absence of a window.
      slidingWindow: period === 1 ? undefined : h.slidingWindow,
      finalSoftcap: positive.optional(config, 'final_logit_softcapping'),
    };
  },
  metadata: (h, fileType) => [
    ...commonMetadata('gemma3', h, fileType),
    ...present(f32If('gemma3.final_logit_softcapping', h.finalSoftcap), u32If('gemma3.attention.sliding_window', h.slidingWindow)),
    ...otherPeriod('gemma3', h, 6),
  ],
  tensors: (h) => llamaTensors(h, { shiftedNorms: true, sandwichNorms: true, headNorms: true }),
  canonicalName: (stored) => {
    if (/^(model\.)?(vision_tower|multi_modal_projector)\./.test(stored)) return null;
    return canonicalLlamaName(stored.replace('language_model.', ''));
  },
  warnings: (h, config) => [...ropeScalingWarnings(h, ['none', 'linear', 'yarn']), ...queryScale(h, config, GEMMA3_27B_LAYERS)],
};

/** Gemma 1 and 2 know no scaling at all; Gemma 3 what its entries can say. */
function ropeScalingWarnings(h: Hyperparameters, expressible: readonly string[] = ['none']): AppErrorData[] {
  const { type } = h.ropeScaling;
  const known = ropeScalingIgnored(h);
  return known.length > 0 || expressible.includes(type) ? known : [{ code: 'model.ropeScalingIgnored', params: { method: type } }];
}

const queryScale = (h: Hyperparameters, config: Config, layersOf27B: number) =>
  attentionScale(
    positive.optional(config, 'query_pre_attn_scalar'),
    h.layerCount === layersOf27B ? Math.floor(h.embeddingLength / h.headCount) : h.headDimension,
  );

/**
 * Every how many layers one sees the whole context, the others a window: layer i does when (i + 1) is a multiple.
 * @throws model.unsupportedConfig for layers in another order, which the loader cannot be told
 */
function slidingWindowPeriod(config: Config, builtIn: number): number {
  const stated = count.optional(config, 'sliding_window_pattern', '_sliding_window_pattern') ?? builtIn;
  const types = config['layer_types'];
  if (types === undefined || types === null) return stated;
  if (!Array.isArray(types)) throw badConfig('layer_types', types, 'a list');
  const firstFull = types.indexOf('full_attention');
  // No full layer at all: any period beyond the last layer says the same.
  const period = firstFull < 0 ? Math.max(stated, types.length + 1) : firstFull + 1;
  if (!types.every((type, i) => type === ((i + 1) % period === 0 ? 'full_attention' : 'sliding_attention')))
    throw new AppError('model.unsupportedConfig', {
      field: 'layer_types',
      value: excerpt(types.join(' ')),
      expected: 'full attention at regular intervals',
    });
  return period;
}

/** The entry for a period other than the one built into the loader. Upstream's converter never writes it. */
const otherPeriod = (arch: string, h: Hyperparameters, builtIn: number) =>
  h.slidingWindowPeriod === undefined || h.slidingWindowPeriod === builtIn || h.slidingWindow === undefined
    ? []
    : [u32(`${arch}.attention.sliding_window_pattern`, h.slidingWindowPeriod)];
