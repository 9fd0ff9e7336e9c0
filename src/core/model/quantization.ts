import { asBoolean, asCount, asText, isConfig, type Config } from './config.ts';

/** How a safetensors folder's weights are quantized. */
export interface Quantization {
  readonly method: string;
  /** For people: `GPTQ 4-bit g128 sym`. */
  readonly label: string;
  readonly bits: number;
  /** Names of tensors that hold packed weights. */
  readonly packed: RegExp;
  /** Names of tensors that only serve to unpack others. */
  readonly auxiliary: RegExp;
  /** Packed words may be stored under a float type (`bnb_4bit_quant_storage`). */
  readonly packsFloats: boolean;
}

const nothing = /^\b$/;

/**
 * What `quantization_config` of config.json, or quantize_config.json of AutoGPTQ, says; undefined for a model that is not quantized.
 * Names of tensors: GPTQModel, bitsandbytes and AutoAWQ as transformers writes them.
 */
export function quantizationOf(config: Config, quantizeConfig?: unknown): Quantization | undefined {
  const own = config['quantization_config'];
  const settings = isConfig(own) ? own : isConfig(quantizeConfig) ? quantizeConfig : undefined;
  if (settings === undefined) return undefined;
  const method = asText(settings['quant_method'])?.toLowerCase() ?? (isConfig(own) ? bitsandbytesByFlags(own) : 'gptq');
  switch (method) {
    case 'gptq':
      return { ...packedIntegers(method, settings, `GPTQ ${gptqWords(settings)}`), auxiliary: /\.(qzeros|scales|g_idx)$/ };
    case 'awq':
      return { ...packedIntegers(method, settings, `AWQ ${bitsAndGroup(settings)}`), auxiliary: /\.(qzeros|scales)$/ };
    case 'bitsandbytes':
      return bitsandbytes(settings);
    case undefined:
      return undefined;
    default:
      return {
        method,
        label: method.toUpperCase(),
        bits: 8,
        packed: nothing,
        auxiliary: /_scale(_inv)?$|\.(scales|zeros)$/,
        packsFloats: false,
      };
  }
}

const bitsandbytesByFlags = (settings: Config): string | undefined =>
  settings['load_in_4bit'] === true || settings['load_in_8bit'] === true ? 'bitsandbytes' : undefined;

const packedIntegers = (method: string, settings: Config, label: string) => ({
  method,
  label,
  bits: asCount(settings['bits']) ?? asCount(settings['w_bit']) ?? 4,
  packed: /\.qweight$/,
  packsFloats: false,
});

function bitsAndGroup(settings: Config): string {
  const bits = asCount(settings['bits']) ?? asCount(settings['w_bit']);
  const group = asCount(settings['group_size']) ?? asCount(settings['q_group_size']);
  return [bits === undefined ? '' : `${bits}-bit`, group === undefined ? '' : `g${group}`].filter((word) => word !== '').join(' ');
}

function gptqWords(settings: Config): string {
  const symmetric = asBoolean(settings['sym']);
  const order = asBoolean(settings['desc_act']) === true ? ' act-order' : '';
  return `${bitsAndGroup(settings)}${symmetric === undefined ? '' : symmetric ? ' sym' : ' asym'}${order}`;
}

function bitsandbytes(settings: Config): Quantization {
  const method = 'bitsandbytes';
  // vLLM and transformers agree: 8 bits only where it says so.
  if ((asBoolean(settings['load_in_8bit']) ?? asBoolean(settings['_load_in_8bit'])) === true)
    return { method, label: 'INT8', bits: 8, packed: /\.weight$/, auxiliary: /\.(SCB|weight_format)$/, packsFloats: false };
  // The class default of bnb_4bit_quant_type is fp4.
  const type = (asText(settings['bnb_4bit_quant_type']) ?? 'fp4').toUpperCase();
  const nested = asBoolean(settings['bnb_4bit_use_double_quant']) === true ? ' double-quantized' : '';
  return {
    method,
    label: `${type}${nested}`,
    bits: 4,
    packed: /\.weight$/,
    auxiliary: /\.weight\.(absmax|quant_map|nested_absmax|nested_quant_map|quant_state\..*)$/,
    packsFloats: true,
  };
}
