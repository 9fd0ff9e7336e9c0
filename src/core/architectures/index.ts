import { AppError } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import { architectureClass, asText, isConfig, type Config } from '../model/config.ts';
import type { Architecture, Hyperparameters, TensorRule } from './architecture.ts';
import { gemma, gemma2, gemma3 } from './gemma.ts';
import { gpt2 } from './gpt2.ts';
import { llama, mistral } from './llama.ts';
import { phi3 } from './phi3.ts';
import { qwen2, qwen3 } from './qwen.ts';
import { smollm3 } from './smollm3.ts';

export type { Architecture, Hyperparameters, TensorRule, Transform } from './architecture.ts';

/** Every family that Lathe converts. */
export const architectures: readonly Architecture[] = [llama, mistral, qwen2, qwen3, gemma, gemma2, gemma3, phi3, smollm3, gpt2];

/** The family of a config.json, by the class in `architectures`, else by `model_type`; undefined where Lathe knows neither. */
export function findArchitecture(config: Config): Architecture | undefined {
  const name = architectureClass(config);
  if (name !== undefined) return architectures.find((architecture) => architecture.hfClasses.includes(name));
  const inner = isConfig(config['text_config']) ? config['text_config']['model_type'] : undefined;
  const modelType = asText(inner) ?? asText(config['model_type']);
  return architectures.find(({ family }) => family === modelType?.replace(/_text$/, ''));
}

/** @throws model.unknownArchitecture with what is supported */
export function architectureOf(config: Config): Architecture {
  const found = findArchitecture(config);
  if (found !== undefined) return found;
  throw new AppError('model.unknownArchitecture', {
    architecture: excerpt(architectureClass(config) ?? asText(config['model_type']) ?? '?'),
    supported: architectures.map(({ family }) => family).join(', '),
  });
}

/** A family's names in both directions. The table is one to one. */
export function tensorMap(
  architecture: Architecture,
  h: Hyperparameters,
): { byHf: Map<string, TensorRule>; byGguf: Map<string, TensorRule> } {
  const rules = architecture.tensors(h);
  return { byHf: new Map(rules.map((rule) => [rule.hf, rule])), byGguf: new Map(rules.map((rule) => [rule.gguf, rule])) };
}
