import type { LinearWeight, PackedTensors, QuantizationConfig } from './hf-tensor.ts';

/** Layouts of bitsandbytes as transformers saves them (bitsandbytes `functional.py`, `nn/modules.py`; transformers `quantizer_bnb_*`). */

export interface FourBitSettings {
  readonly type: 'nf4' | 'fp4';
  /** Weights that share one absmax, counted along the flat row-major matrix. */
  readonly blockSize: number;
  /** Quantize the absmax values too, to 8 bits. */
  readonly isNested: boolean;
  /** What the weights are dequantized to. */
  readonly dtype: 'F32' | 'F16' | 'BF16';
}

/** absmax values that share one nested absmax. */
export const NESTED_BLOCK_SIZE = 256;

/** The state is JSON in a byte tensor. It holds one number that is known only afterwards, so it is filled up with spaces. */
export const QUANT_STATE_BYTES = 256;

const torchNames = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const;

/** The tensors of one linear layer in four bits. */
export function fourBitTensors({ module, outputs, inputs }: LinearWeight, { type, blockSize, isNested }: FourBitSettings): PackedTensors {
  const weight = `${module}.weight`;
  const count = outputs * inputs;
  const blocks = Math.ceil(count / blockSize);
  return {
    codes: { name: weight, dtype: 'U8', shape: [Math.ceil(count / 2), 1] },
    absmax: { name: `${weight}.absmax`, dtype: isNested ? 'U8' : 'F32', shape: [blocks] },
    map: { name: `${weight}.quant_map`, dtype: 'F32', shape: [16] },
    ...(isNested
      ? {
          nestedAbsmax: { name: `${weight}.nested_absmax`, dtype: 'F32', shape: [Math.ceil(blocks / NESTED_BLOCK_SIZE)] },
          nestedMap: { name: `${weight}.nested_quant_map`, dtype: 'F32', shape: [256] },
        }
      : {}),
    state: { name: `${weight}.quant_state.bitsandbytes__${type}`, dtype: 'U8', shape: [QUANT_STATE_BYTES] },
  };
}

/** The bytes of `quant_state` of a weight `[out, in]`, `QUANT_STATE_BYTES` long. `nestedOffset`: the mean that was taken out of the absmax values. */
export function quantStateBytes([outputs, inputs]: readonly [number, number], settings: FourBitSettings, nestedOffset: number): Uint8Array {
  const state = {
    quant_type: settings.type,
    blocksize: settings.blockSize,
    dtype: torchNames[settings.dtype],
    shape: [outputs, inputs],
    ...(settings.isNested ? { nested_blocksize: NESTED_BLOCK_SIZE, nested_dtype: 'float32', nested_offset: nestedOffset } : {}),
  };
  const bytes = new Uint8Array(QUANT_STATE_BYTES).fill(0x20);
  bytes.set(new TextEncoder().encode(JSON.stringify(state)));
  return bytes;
}

/** The tensors of one linear layer as LLM.int8() keeps it: codes, absmax by row, and the mark "row-major". */
export const int8Tensors = ({ module, outputs, inputs }: LinearWeight): PackedTensors => ({
  codes: { name: `${module}.weight`, dtype: 'I8', shape: [outputs, inputs] },
  scales: { name: `${module}.SCB`, dtype: 'F32', shape: [outputs] },
  format: { name: `${module}.weight_format`, dtype: 'U8', shape: [] },
});

/** Above this an input is kept out of the int8 product while the model runs; it has no effect on the file. */
export const INT8_OUTLIER_THRESHOLD = 6;

/**
 * `quantization_config` for four bits. `keptModules`: what was not quantized; a list replaces the loader's own, so it
 * has to be whole.
 */
export function fourBitConfig({ type, isNested, dtype }: FourBitSettings, keptModules: readonly string[]): QuantizationConfig {
  return {
    ...commonConfig(keptModules),
    load_in_4bit: true,
    load_in_8bit: false,
    _load_in_4bit: true,
    _load_in_8bit: false,
    bnb_4bit_compute_dtype: torchNames[dtype],
    bnb_4bit_quant_type: type,
    bnb_4bit_use_double_quant: isNested,
  };
}

export function int8Config(keptModules: readonly string[]): QuantizationConfig {
  return {
    ...commonConfig(keptModules),
    load_in_4bit: false,
    load_in_8bit: true,
    _load_in_4bit: false,
    _load_in_8bit: true,
    bnb_4bit_compute_dtype: 'float32',
    bnb_4bit_quant_type: 'fp4',
    bnb_4bit_use_double_quant: false,
  };
}

const commonConfig = (keptModules: readonly string[]): QuantizationConfig => ({
  quant_method: 'bitsandbytes',
  bnb_4bit_quant_storage: 'uint8',
  llm_int8_enable_fp32_cpu_offload: false,
  llm_int8_has_fp16_weight: false,
  llm_int8_skip_modules: keptModules,
  llm_int8_threshold: INT8_OUTLIER_THRESHOLD,
});
