import { formatDuration } from '#core/bytes.ts';
import { certifyOptions } from '#contract/adapters.ts';
import { certificateText, findAdapters } from '../adapters.ts';
import { defineCommand } from '../command.ts';
import { runJob } from '../job.ts';
import { findModel } from '../model.ts';
import { facts } from '../text.ts';
import { definedOnly, required, wholeNumberOf } from '../values.ts';

export const command = defineCommand({
  args: ['BASE'],
  options: {
    adapter: { type: 'string', value: 'A[:SCALE]', multiple: true, help: 'an adapter and its strength (1); may be given several times' },
    merged: { type: 'string', value: 'MODEL', help: 'the model that is said to hold them' },
    text: { type: 'string', value: 'FILE', help: 'the text to run both on (otherwise the one that comes with Lathe)' },
    context: { type: 'string', value: 'N', help: 'tokens in a window (256)' },
    windows: { type: 'string', value: 'N', help: 'windows of it (8)' },
  },
  notes: 'The verdict is green, amber or red, with its reasons; the exit code is 0 for all three.',
  run: async (context, [reference = ''], values) => {
    const merged = required('merged', values.merged);
    const options = certifyOptions.parse(
      definedOnly({
        textPath: values.text === undefined ? undefined : context.resolvePath(values.text),
        contextLength: wholeNumberOf('context', values.context, { min: 8, max: 32_768 }),
        windows: wholeNumberOf('windows', values.windows, { min: 1, max: 1000 }),
      }),
    );
    const { id: baseId } = await findModel(context, reference);
    const { id: mergedId } = await findModel(context, merged);
    const adapters = await findAdapters(context, values.adapter);
    const { certificate } = await runJob(context, { kind: 'certify', baseId, adapters, mergedId, options });
    const text = [certificateText(certificate), facts([['time', formatDuration(certificate.durationMs)]])].join('\n');
    return { json: { verdict: certificate.measure.verdict, ...certificate }, text };
  },
});
