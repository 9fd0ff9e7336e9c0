import { formatBytes, formatDuration } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';
import { parseTarget } from '#core/quantize/targets.ts';
import { certifyOptions } from '#contract/adapters.ts';
import { outputFormat } from '#contract/quantize.ts';
import { certificateText, findAdapters } from '../adapters.ts';
import { defineCommand } from '../command.ts';
import { runJob } from '../job.ts';
import { findModel } from '../model.ts';
import { quantizeOptionSpecs, quantizeOptionsOf } from '../quantize-options.ts';
import { facts, printable } from '../text.ts';
import { oneOf, required } from '../values.ts';

export const command = defineCommand({
  args: ['BASE'],
  options: {
    adapter: { type: 'string', value: 'A[:SCALE]', multiple: true, help: 'an adapter and its strength (1); may be given several times' },
    to: { type: 'string', value: 'TARGET', help: 'what quantize takes (otherwise every weight in the type that it has)' },
    out: { type: 'string', value: 'PATH', help: 'the GGUF file, or the new folder, to write' },
    format: { type: 'string', value: 'NAME', help: 'hf: a Hugging Face folder, gguf: a file' },
    name: { type: 'string', value: 'NAME', help: 'its name in the library' },
    'no-certificate': { type: 'boolean', help: 'do not prove the merge' },
    ...quantizeOptionSpecs,
  },
  notes: 'A quantized base is decoded, changed in float32, and rounded once more.',
  run: async (context, [reference = ''], values) => {
    const target = values.to === undefined ? null : parseTarget(values.to);
    const outputPath = context.resolvePath(required('out', values.out));
    const options = quantizeOptionsOf(context, values);
    const format = values.format === undefined ? {} : { format: oneOf('format', values.format, outputFormat.options) };
    const { id: baseId } = await findModel(context, reference);
    const result = await runJob(context, {
      kind: 'merge',
      baseId,
      adapters: await findAdapters(context, values.adapter),
      target,
      ...format,
      outputPath,
      ...(values.name === undefined ? {} : { name: values.name }),
      options,
      certify: values['no-certificate'] === true ? null : certifyOptions.parse({}),
    });
    const written = facts([
      ['written', result.path],
      ['size', formatBytes(result.sizeBytes)],
      ['time', formatDuration(result.durationMs)],
      ['changed', `${result.changedTensors.toLocaleString('en')} tensors`],
      ['id', result.modelId],
    ]);
    const { certificate, certificateProblem } = result;
    const problem = certificateProblem === null ? [] : [`Not certified: ${printable(AppError.from(certificateProblem).message)}`];
    const warnings = result.warnings.map((warning) => printable(AppError.from(warning).message));
    const proof = certificate === null ? [] : [`\n${certificateText(certificate)}`];
    return { json: result, text: [written, ...warnings, ...problem, ...proof].join('\n') };
  },
});
