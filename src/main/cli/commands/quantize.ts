import { formatBytes, formatDuration } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';
import { formatsOf, parseTarget } from '#core/quantize/targets.ts';
import { outputFormat, qualityOptions } from '#contract/quantize.ts';
import { cardText } from '../card.ts';
import { defineCommand } from '../command.ts';
import { runJob } from '../job.ts';
import { findModel } from '../model.ts';
import { quantizeOptionSpecs, quantizeOptionsOf } from '../quantize-options.ts';
import { facts, printable } from '../text.ts';
import { definedOnly, oneOf, required, usage, wholeNumberOf } from '../values.ts';

export const command = defineCommand({
  args: ['MODEL'],
  options: {
    to: { type: 'string', value: 'TARGET', help: 'int8, int8-zp, nf4, nf4-dq, fp4, gptq-2|3|4|8, or a GGUF type or mix such as Q4_K_M' },
    out: { type: 'string', value: 'PATH', help: 'the GGUF file, or the new folder, to write' },
    format: { type: 'string', value: 'NAME', help: 'hf: a Hugging Face folder, gguf: a file (the target’s own)' },
    name: { type: 'string', value: 'NAME', help: 'its name in the library (otherwise made from the model’s)' },
    'no-quality': { type: 'boolean', help: 'do not measure what was lost' },
    'quality-text': { type: 'string', value: 'FILE', help: 'the text to measure on (otherwise the one that comes with Lathe)' },
    'quality-windows': { type: 'string', value: 'N', help: 'at most so many windows of it (32)' },
    ...quantizeOptionSpecs,
  },
  notes: 'Every target with its size: lathe recipes MODEL. What a crash interrupted goes on when the same is asked for again.',
  run: async (context, [reference = ''], values) => {
    const target = parseTarget(required('to', values.to));
    const format = values.format === undefined ? undefined : oneOf('format', values.format, outputFormat.options);
    const formats = formatsOf(target);
    if (format !== undefined && !formats.includes(format)) throw usage(`${target} is written as ${formats.join(' or ')} only`);
    const outputPath = context.resolvePath(required('out', values.out));
    const options = quantizeOptionsOf(context, values);
    const quality = qualityOptions.parse(
      definedOnly({
        textPath: values['quality-text'] === undefined ? undefined : context.resolvePath(values['quality-text']),
        windows: wholeNumberOf('quality-windows', values['quality-windows'], { min: 1, max: 1_000_000 }),
      }),
    );
    const { id: modelId } = await findModel(context, reference);
    const result = await runJob(context, {
      kind: 'quantize',
      modelId,
      target,
      ...(format === undefined ? {} : { format }),
      outputPath,
      ...(values.name === undefined ? {} : { name: values.name }),
      options,
      quality: values['no-quality'] === true ? null : quality,
    });
    const written = facts([
      ['written', result.path],
      ['size', formatBytes(result.sizeBytes)],
      ['time', formatDuration(result.durationMs)],
      ['resumed', result.resumedTensors === 0 ? undefined : `${result.resumedTensors.toLocaleString('en')} tensors were there already`],
      ['id', result.modelId],
    ]);
    const problem = result.cardProblem === null ? [] : [`Not measured: ${printable(AppError.from(result.cardProblem).message)}`];
    const warnings = result.warnings.map((warning) => printable(AppError.from(warning).message));
    const card = result.card === null ? [] : [`\n${cardText(result.card)}`];
    return { json: result, text: [written, ...warnings, ...problem, ...card].join('\n') };
  },
});
