import type { LinearWeight, PackedTensors, QuantizationConfig } from './hf-tensor.ts';

/**
 * The "int-quantized" format of compressed-tensors, weights alone, one scale and zero point for each row: the form in which
 * transformers reads asymmetric INT8. vLLM wants weights alone to be packed into words, and refuses it. Source:
 * compressed-tensors `quantization/quant_args.py`, `compressors/`.
 */
export const zeroPointTensors = ({ module, outputs, inputs }: LinearWeight): PackedTensors => ({
  codes: { name: `${module}.weight`, dtype: 'I8', shape: [outputs, inputs] },
  scales: { name: `${module}.weight_scale`, dtype: 'F32', shape: [outputs, 1] },
  zeros: { name: `${module}.weight_zero_point`, dtype: 'I8', shape: [outputs, 1] },
});

/** `keptModules`: linear layers that are not quantized. */
export const zeroPointConfig = (keptModules: readonly string[]): QuantizationConfig => ({
  quant_method: 'compressed-tensors',
  format: 'int-quantized',
  quantization_status: 'compressed',
  ignore: keptModules,
  kv_cache_scheme: null,
  config_groups: {
    group_0: {
      targets: ['Linear'],
      // For weights without activations the library would else expect them packed into words.
      format: 'int-quantized',
      weights: { num_bits: 8, type: 'int', symmetric: false, strategy: 'channel', dynamic: false },
      input_activations: null,
      output_activations: null,
    },
  },
});
