import { defineCommand } from '../command.ts';
import { runJob } from '../job.ts';
import { findModel } from '../model.ts';
import { facts } from '../text.ts';
import { required, wholeNumberOf } from '../values.ts';

/** What llama.cpp's own tool takes, so that figures can be held against published ones. */
const DEFAULT_CONTEXT = 512;

export const command = defineCommand({
  args: ['MODEL'],
  options: {
    text: { type: 'string', value: 'FILE', help: 'the text to predict, UTF-8' },
    context: { type: 'string', value: 'N', help: `tokens in a window (${DEFAULT_CONTEXT})` },
  },
  run: async (context, [reference = ''], values) => {
    const textPath = context.resolvePath(required('text', values.text));
    const contextLength = wholeNumberOf('context', values.context, { min: 8, max: 1_048_576 }) ?? DEFAULT_CONTEXT;
    const { id: modelId } = await findModel(context, reference);
    const result = await runJob(context, { kind: 'perplexity', modelId, textPath, contextLength });
    const text = facts([
      ['perplexity', `${result.perplexity.toFixed(4)} ± ${result.standardError.toFixed(4)}`],
      [
        'tokens',
        `${result.tokens.toLocaleString('en')} scored in ${result.windows.toLocaleString('en')} windows of ${result.contextLength}`,
      ],
      ['method', result.method],
    ]);
    return { json: result, text };
  },
});
