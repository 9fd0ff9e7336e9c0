import { quantizeOptions, type QuantizeOptions } from '#contract/quantize.ts';
import type { CommandContext, Options, Values } from './command.ts';
import { printable } from './text.ts';
import { definedOnly, numberOf, oneOf, oneOfNumbers, usage, wholeNumberOf } from './values.ts';

/** The exponent of GPTQ's own search for each group's range. */
const MSE_EXPONENT = 2.4;

/** How a model is quantized, beside the target. */
export const quantizeOptionSpecs = {
  calibration: { type: 'string', value: 'FILE', help: 'text for the calibration, UTF-8 (otherwise the one that comes with Lathe)' },
  windows: { type: 'string', value: 'N', help: 'windows of that text (128)' },
  context: { type: 'string', value: 'N', help: 'tokens in each window (512)' },
  'group-size': { type: 'string', value: 'N', help: 'GPTQ: inputs that share a scale: 32, 64, 128, or -1 for the whole row (128)' },
  'block-size': { type: 'string', value: 'N', help: 'NF4, FP4: weights that share a scale: 32 to 4096 (64)' },
  sym: { type: 'boolean', help: 'GPTQ: symmetric (the default)' },
  asym: { type: 'boolean', help: 'GPTQ: with zero points' },
  'act-order': { type: 'boolean', help: 'GPTQ: the inputs that matter most come first' },
  'static-groups': { type: 'boolean', help: 'GPTQ: groups of neighbours also with --act-order' },
  damp: { type: 'string', value: 'X', help: 'GPTQ: share of the mean Hessian diagonal that is added to it (0.01)' },
  mse: { type: 'boolean', help: 'GPTQ: search each group’s range for the least error' },
  'checkpoint-format': { type: 'string', value: 'NAME', help: 'GPTQ: gptq, or gptq_v2 (gptq)' },
  imatrix: { type: 'string', value: 'FILE', help: 'GGUF: importance matrix, .gguf or .dat' },
  override: { type: 'string', value: 'PATTERN=TYPE', multiple: true, help: 'the type of tensors whose names hold a pattern' },
  pure: { type: 'boolean', help: 'GGUF: one type for every matrix, no mix' },
  'keep-output': { type: 'boolean', help: 'leave the output matrix as it is' },
} as const satisfies Options;

/** The options as they were given, the rest as the contract has them. Throws `cli.usage`. */
export function quantizeOptionsOf(
  context: Pick<CommandContext, 'resolvePath'>,
  values: Values<typeof quantizeOptionSpecs>,
): QuantizeOptions {
  if (values.sym === true && values.asym === true) throw usage('--sym and --asym exclude each other');
  const path = (value: string | undefined): string | undefined => (value === undefined ? undefined : context.resolvePath(value));
  const format = values['checkpoint-format'];
  return quantizeOptions.parse(
    definedOnly({
      groupSize: oneOfNumbers('group-size', values['group-size'], [32, 64, 128, -1]),
      blockSize: oneOfNumbers('block-size', values['block-size'], [32, 64, 128, 256, 512, 1024, 2048, 4096]),
      symmetric: values.asym === true ? false : undefined,
      actOrder: values['act-order'],
      staticGroups: values['static-groups'],
      dampPercent: numberOf('damp', values.damp, { min: 0.0001, max: 0.9999 }),
      mseExponent: values.mse === true ? MSE_EXPONENT : undefined,
      checkpointFormat: format === undefined ? undefined : oneOf('checkpoint-format', format, ['gptq', 'gptq_v2']),
      calibrationPath: path(values.calibration),
      calibrationWindows: wholeNumberOf('windows', values.windows, { min: 1, max: 4096 }),
      calibrationContext: wholeNumberOf('context', values.context, { min: 8, max: 32_768 }),
      imatrixPath: path(values.imatrix),
      overrides: values.override?.map(overrideOf),
      pure: values.pure,
      keepOutput: values['keep-output'],
    }),
  );
}

/** A pattern may hold a `=`, a type does not. */
function overrideOf(text: string): { pattern: string; type: string } {
  const at = text.lastIndexOf('=');
  if (at <= 0 || at === text.length - 1) throw usage(`--override takes PATTERN=TYPE, such as attn_v=Q6_K, not '${printable(text)}'`);
  return { pattern: text.slice(0, at), type: text.slice(at + 1) };
}
