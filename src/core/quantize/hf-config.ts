import type { Config } from '../model/config.ts';
import type { FloatType } from './encoder.ts';
import type { QuantizationConfig } from './hf-tensor.ts';

/** A file that is written from its text. */
export interface PlannedText {
  readonly name: string;
  readonly text: string;
  readonly sizeBytes: number;
}

export const plannedText = (name: string, text: string): PlannedText => ({
  name,
  text,
  sizeBytes: new TextEncoder().encode(text).byteLength,
});

const torchNames = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const;

/**
 * The configuration of the quantized folder: what the model says of itself, but for how its weights are stored, and for
 * the programs that it names, since no program comes along.
 * @param dtype what the floats are stored in
 * @param quantization undefined for a folder of floats
 */
export function quantizedConfig(config: Config, dtype: FloatType, quantization: QuantizationConfig | undefined): Config {
  const { auto_map: _programs, quantization_config: _old, ...kept } = config;
  // Newer versions of transformers call it `dtype`.
  const key = Object.hasOwn(config, 'dtype') && !Object.hasOwn(config, 'torch_dtype') ? 'dtype' : 'torch_dtype';
  return { ...kept, [key]: torchNames[dtype], ...(quantization === undefined ? {} : { quantization_config: quantization }) };
}

/**
 * A configuration as text. bitsandbytes' loaders insist that the threshold is a float, and JSON.stringify writes 6.0 as 6.
 */
export const configText = (config: Readonly<Record<string, unknown>>): string =>
  `${JSON.stringify(config, null, 2).replace(/("llm_int8_threshold": -?\d+)(?=[,\n])/, '$1.0')}\n`;
