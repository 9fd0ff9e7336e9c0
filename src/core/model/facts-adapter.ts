import type { TensorInfo } from '../safetensors/read.ts';
import { asCount, asNumber, asText, type Config } from './config.ts';
import { countBytes, dominantType, factsOf, type AdapterFacts, type ModelFacts } from './facts.ts';
import { licenceOf } from './facts-hf.ts';

/** The facts of a PEFT adapter folder: adapter_config.json and the headers of its weights. Never throws. */
export function factsFromAdapter(description: {
  readonly adapterConfig: Config;
  readonly tensors: readonly TensorInfo[];
  readonly modelCard?: string | undefined;
  readonly name?: string | undefined;
}): ModelFacts {
  const { adapterConfig, tensors } = description;
  const bytes = countBytes(tensors.map(({ dtype, sizeBytes }) => ({ type: dtype, sizeBytes })));
  return factsOf<ModelFacts>({
    name: description.name,
    modelType: asText(adapterConfig['peft_type']),
    quantization: dominantType(bytes.bytesByType),
    ...bytes,
    licence: description.modelCard === undefined ? undefined : licenceOf(description.modelCard),
    adapter: factsOf<AdapterFacts>({
      rank: asCount(adapterConfig['r']),
      alpha: asNumber(adapterConfig['lora_alpha']),
      targetModules: targets(adapterConfig['target_modules']),
      baseModel: asText(adapterConfig['base_model_name_or_path']),
    }),
  });
}

/** A list of module names, or one expression such as `all-linear`. */
function targets(value: unknown): readonly string[] | undefined {
  if (typeof value === 'string') return [value];
  if (!Array.isArray(value)) return undefined;
  return value.filter((item) => typeof item === 'string').toSorted();
}
