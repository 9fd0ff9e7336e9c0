import { formatBytes, formatDuration } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';
import { quantizeOptions } from '#contract/quantize.ts';
import { defineCommand } from '../command.ts';
import { runJob } from '../job.ts';
import { findModel } from '../model.ts';
import { facts, printable } from '../text.ts';
import { oneOf, required } from '../values.ts';

export const command = defineCommand({
  args: ['MODEL'],
  options: {
    to: { type: 'string', value: 'TYPE', help: 'f32, f16 or bf16' },
    out: { type: 'string', value: 'FILE', help: 'the GGUF file to write' },
    name: { type: 'string', value: 'NAME', help: 'its name in the library (otherwise made from the model’s)' },
  },
  run: async (context, [reference = ''], values) => {
    const target = oneOf('to', required('to', values.to), ['f32', 'f16', 'bf16']).toUpperCase();
    const outputPath = context.resolvePath(required('out', values.out));
    const { id: modelId } = await findModel(context, reference);
    const name = values.name === undefined ? {} : { name: values.name };
    const result = await runJob(context, {
      kind: 'quantize',
      modelId,
      target,
      format: 'gguf',
      outputPath,
      ...name,
      options: quantizeOptions.parse({}),
      quality: null,
    });
    const text = facts([
      ['written', result.path],
      ['size', formatBytes(result.sizeBytes)],
      ['time', formatDuration(result.durationMs)],
      ['id', result.modelId],
    ]);
    const warnings = result.warnings.map((warning) => printable(AppError.from(warning).message));
    return { json: result, text: [text, ...warnings].join('\n') };
  },
});
