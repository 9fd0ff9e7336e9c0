import { AppError } from '../errors/index.ts';
import type { QuantizableModel } from './model.ts';
import { defaultOptions, type QuantizationOptions } from './options.ts';
import { planGgufOutput, type ImatrixFacts } from './plan-gguf.ts';
import { planHfOutput } from './plan-hf.ts';
import type { QuantizationPlan } from './plan.ts';
import { formatsOf, type OutputFormat, type QuantizeTarget } from './targets.ts';

export interface QuantizationRequest {
  readonly model: QuantizableModel;
  readonly target: QuantizeTarget;
  /** Default: the target's first. */
  readonly format?: OutputFormat;
  readonly options?: Partial<QuantizationOptions>;
  /** The importance matrix: names of the tensors that it knows, and what the file is called. */
  readonly imatrix?: ImatrixFacts;
  /** Lathe's version, for the record in the output. */
  readonly version: string;
}

/**
 * What a model will be under a target: every tensor, its bytes, and the whole to the byte. Pure and quick (a millisecond),
 * so a screen can ask at every change of an option.
 * @throws quantize.formatUnavailable, .needsFolder, .badPattern, .unknownType, .overrideType, .noLinearLayers,
 *   .turnedLayers, .alreadyQuantized, and what kept the model's GGUF side from being described (tokenizer.*, model.*)
 */
export function planQuantization(request: QuantizationRequest): QuantizationPlan {
  const { model, target } = request;
  const options = { ...defaultOptions, ...request.options };
  const formats = formatsOf(target);
  const format = request.format ?? formats[0] ?? 'gguf';
  if (!formats.includes(format))
    throw new AppError('quantize.formatUnavailable', { target, format: format === 'hf' ? 'a Hugging Face folder' : 'GGUF' });
  if (format === 'gguf') return planGgufOutput(model, target, options, request.imatrix);
  if (model.folder === undefined) throw new AppError('quantize.needsFolder', { target });
  return planHfOutput(model.folder, target, options, request.version);
}
