import type { LinearWeight, PackedTensors, QuantizationConfig } from './hf-tensor.ts';

/** The GPTQ checkpoint (AutoGPTQ, GPTQModel): its settings, its tensors and its configuration. */

export type GptqBits = 2 | 3 | 4 | 8;

export const gptqBitWidths: readonly GptqBits[] = [2, 3, 4, 8];

export interface GptqSettings {
  readonly bits: GptqBits;
  /** Inputs that share a scale; -1: the whole row. */
  readonly groupSize: number;
  readonly isSymmetric: boolean;
  /** Columns in order of falling Hessian diagonal (`desc_act`). */
  readonly actOrder: boolean;
  /** With act-order: groups stay runs of the original columns. */
  readonly staticGroups: boolean;
  /** Share of the mean Hessian diagonal that is added to the diagonal. */
  readonly dampPercent: number;
  /** 0: off; else the exponent of the search for each group's range. */
  readonly mseExponent: number;
  /** Each of a layer's parts is calibrated on the quantized parts before it. */
  readonly trueSequential: boolean;
  /** `gptq` (v1) stores zero points minus one and cannot store 0; `gptq_v2` stores them as they are. */
  readonly checkpointFormat: 'gptq' | 'gptq_v2';
}

/** Inputs and outputs of a layer are packed 32 at a time. */
export const GPTQ_PACK = 32;

export const gptqGroups = (inputs: number, groupSize: number): number => (groupSize === -1 ? 1 : Math.ceil(inputs / groupSize));

/** Whether a layer can be packed at all; one that cannot stays a float, and is named in the plan. */
export const gptqPacks = ({ inputs, outputs }: Pick<LinearWeight, 'inputs' | 'outputs'>): boolean =>
  inputs % GPTQ_PACK === 0 && outputs % GPTQ_PACK === 0;

/** The tensors of one linear layer. The bias, if any, stays beside them under its own name. */
export function gptqTensors({ module, inputs, outputs }: LinearWeight, { bits, groupSize }: GptqSettings): PackedTensors {
  const groups = gptqGroups(inputs, groupSize);
  return {
    codes: { name: `${module}.qweight`, dtype: 'I32', shape: [(inputs * bits) / GPTQ_PACK, outputs] },
    zeros: { name: `${module}.qzeros`, dtype: 'I32', shape: [groups, (outputs * bits) / GPTQ_PACK] },
    scales: { name: `${module}.scales`, dtype: 'F16', shape: [groups, outputs] },
    groupIndex: { name: `${module}.g_idx`, dtype: 'I32', shape: [inputs] },
  };
}

/**
 * `quantization_config`, and the text of quantize_config.json: readable by transformers, GPTQModel, AutoGPTQ and vLLM.
 * `keptModules`: full names of linear layers within the blocks that are not quantized.
 */
export function gptqConfig(settings: GptqSettings, version: string, keptModules: readonly string[]): QuantizationConfig {
  return {
    quant_method: 'gptq',
    bits: settings.bits,
    group_size: settings.groupSize,
    desc_act: settings.actOrder,
    static_groups: settings.staticGroups,
    sym: settings.isSymmetric,
    damp_percent: settings.dampPercent,
    true_sequential: settings.trueSequential,
    lm_head: false,
    checkpoint_format: settings.checkpointFormat,
    pack_dtype: 'int32',
    meta: { quantizer: [`lathe:${version}`], damp_percent: settings.dampPercent, mse: settings.mseExponent },
    // GPTQModel's and vLLM's way to say it: expressions, of which "-:" leaves out.
    ...(keptModules.length === 0 ? {} : { dynamic: Object.fromEntries(keptModules.map((name) => [`-:^${escapePattern(name)}$`, {}])) }),
  };
}

const escapePattern = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
