import { folderModel, type FolderRequest, type QuantizableModel } from '#core/quantize/model.ts';
import { planQuantization, type QuantizationRequest } from '#core/quantize/planner.ts';
import type { QuantizationPlan, QuantizedTensor } from '#core/quantize/plan.ts';
import { tinyModel, type TinyOptions } from '#test/fixtures.ts';
import { plainVocabulary } from '../convert/golden.ts';

/** A generated model's folder as the planner is told of it. */
export function tinyRequest(options: TinyOptions = {}, more: Partial<FolderRequest> = {}): FolderRequest {
  const { config, weights, files } = tinyModel(options);
  return {
    config,
    tensors: weights.tensors.map((tensor) => ({ ...tensor, shard: 'model.safetensors' })),
    vocabulary: plainVocabulary(Number(config['vocab_size'])),
    name: 'Tiny',
    files: Object.entries(files).map(([name, text]) => ({ name, sizeBytes: new TextEncoder().encode(text).byteLength })),
    gptq: new Map(),
    ...more,
  };
}

export const tinyQuantizable = (options: TinyOptions = {}, more: Partial<FolderRequest> = {}): QuantizableModel =>
  folderModel(tinyRequest(options, more));

export const plan = (
  model: QuantizableModel,
  target: QuantizationRequest['target'],
  more: Partial<QuantizationRequest> = {},
): QuantizationPlan => planQuantization({ model, target, version: '1.2.3', ...more });

export function tensorOf({ tensors }: QuantizationPlan, name: string): QuantizedTensor {
  const found = tensors.find((tensor) => tensor.name === name);
  if (found === undefined) throw new Error(`the plan has no ${name}`);
  return found;
}

/** The config.json of a planned folder. */
export function configOf({ output }: QuantizationPlan): Record<string, unknown> {
  const text = output.format === 'hf' ? output.texts.find(({ name }) => name === 'config.json')?.text : undefined;
  return JSON.parse(text ?? '{}') as Record<string, unknown>;
}
