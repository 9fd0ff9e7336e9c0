import { formatDuration } from '#core/bytes.ts';
import { qualityOptions } from '#contract/quantize.ts';
import { cardText } from '../card.ts';
import { defineCommand } from '../command.ts';
import { runJob } from '../job.ts';
import { findModel } from '../model.ts';
import { facts } from '../text.ts';
import { definedOnly, required, wholeNumberOf } from '../values.ts';

export const command = defineCommand({
  args: ['MODEL'],
  options: {
    against: { type: 'string', value: 'SOURCE', help: 'the model that it was made from' },
    text: { type: 'string', value: 'FILE', help: 'the text to measure on, UTF-8 (otherwise the one that comes with Lathe)' },
    context: { type: 'string', value: 'N', help: 'tokens in a window (512)' },
    windows: { type: 'string', value: 'N', help: 'at most so many windows (32)' },
  },
  run: async (context, [reference = ''], values) => {
    const against = required('against', values.against);
    const options = qualityOptions.parse(
      definedOnly({
        textPath: values.text === undefined ? undefined : context.resolvePath(values.text),
        contextLength: wholeNumberOf('context', values.context, { min: 8, max: 1_048_576 }),
        windows: wholeNumberOf('windows', values.windows, { min: 1, max: 1_000_000 }),
      }),
    );
    const { id: modelId } = await findModel(context, reference);
    const { id: sourceId } = await findModel(context, against);
    const { card } = await runJob(context, { kind: 'quality', modelId, sourceId, options });
    return { json: card, text: [cardText(card), facts([['time', formatDuration(card.durationMs)]])].join('\n') };
  },
});
