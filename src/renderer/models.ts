import { useMemo } from 'react';
import type { Model } from '#contract/library.ts';
import { useCall } from './queries.ts';

/** Families as people name them, by the GGUF name of the architecture. */
const FAMILY_NAMES: Readonly<Record<string, string>> = {
  llama: 'Llama',
  // All that a PEFT folder says.
  lora: 'LoRA',
  mistral: 'Mistral',
  mistral3: 'Mistral 3',
  mixtral: 'Mixtral',
  qwen2: 'Qwen 2',
  qwen2moe: 'Qwen 2 MoE',
  qwen3: 'Qwen 3',
  qwen3moe: 'Qwen 3 MoE',
  gemma: 'Gemma',
  gemma2: 'Gemma 2',
  gemma3: 'Gemma 3',
  gemma3_text: 'Gemma 3',
  phi2: 'Phi 2',
  phi3: 'Phi 3',
  smollm3: 'SmolLM 3',
  gpt2: 'GPT-2',
  gptoss: 'GPT-OSS',
  'gpt-oss': 'GPT-OSS',
  deepseek2: 'DeepSeek 2',
  granite: 'Granite',
  falcon: 'Falcon',
  mamba: 'Mamba',
  olmo2: 'OLMo 2',
};

/** The family in its usual spelling, or as the files spell it; undefined where they do not say. */
export function familyOf({ facts }: Pick<Model, 'facts'>): string | undefined {
  const name = facts.architecture ?? facts.modelType;
  return name === undefined ? undefined : (FAMILY_NAMES[name.toLowerCase()] ?? name);
}

/** Whether the inference engine can load it: llama.cpp reads GGUF files. */
export const canChat = (model: Pick<Model, 'kind' | 'state'>): boolean => model.kind === 'gguf' && model.state.status === 'ready';

const SOURCES: ReadonlySet<Model['kind']> = new Set(['hf', 'gguf', 'gptq', 'bitsandbytes']);

/** Whether it can be converted and quantized: a model, not an adapter. */
export const canQuantize = (model: Pick<Model, 'kind' | 'state'>): boolean => SOURCES.has(model.kind) && model.state.status === 'ready';

export const isAdapter = ({ kind }: Pick<Model, 'kind'>): boolean => kind === 'peft-adapter' || kind === 'gguf-adapter';

/** Whether nothing was lost yet by quantizing. */
export const isFloat = ({ kind, facts }: Pick<Model, 'kind' | 'facts'>): boolean =>
  kind === 'hf' || /^(F32|F16|BF16)$/.test(facts.quantization ?? '');

/** Whether it has to be converted before it can be chatted with. */
export const needsConversion = (model: Pick<Model, 'kind' | 'state'>): boolean => canQuantize(model) && model.kind !== 'gguf';

export function useModels(): readonly Model[] {
  const { data } = useCall('library.list', {});
  return useMemo(() => data ?? [], [data]);
}

export function useModel(modelId: string | null | undefined): Model | undefined {
  const models = useModels();
  return models.find(({ id }) => id === modelId);
}
