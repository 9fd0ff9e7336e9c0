import { formatBytes, formatDuration } from '#core/bytes.ts';
import { defineCommand } from '../command.ts';
import { runJob } from '../job.ts';
import { findModel } from '../model.ts';
import { facts } from '../text.ts';
import { required, wholeNumberOf } from '../values.ts';

/** As llama.cpp's own tool. */
const DEFAULT_CONTEXT = 512;

export const command = defineCommand({
  args: ['MODEL'],
  options: {
    text: { type: 'string', value: 'FILE', help: 'the text to run the model on, UTF-8' },
    out: { type: 'string', value: 'FILE', help: 'the importance matrix to write: .gguf, or .dat for programs of before 2025' },
    windows: { type: 'string', value: 'N', help: 'at most so many windows (all of the text)' },
    context: { type: 'string', value: 'N', help: `tokens in a window (${DEFAULT_CONTEXT})` },
  },
  run: async (context, [reference = ''], values) => {
    const textPath = context.resolvePath(required('text', values.text));
    const outputPath = context.resolvePath(required('out', values.out));
    const windows = wholeNumberOf('windows', values.windows, { min: 1, max: 1_000_000 }) ?? null;
    const contextLength = wholeNumberOf('context', values.context, { min: 8, max: 32_768 }) ?? DEFAULT_CONTEXT;
    const { id: modelId } = await findModel(context, reference);
    const result = await runJob(context, { kind: 'calibrate', modelId, textPath, outputPath, contextLength, windows });
    const text = facts([
      ['written', result.path],
      ['size', formatBytes(result.sizeBytes)],
      ['matrices', result.matrices],
      ['tokens', `${result.tokens.toLocaleString('en')} in ${result.windows.toLocaleString('en')} windows`],
      ['time', formatDuration(result.durationMs)],
    ]);
    return { json: result, text };
  },
});
