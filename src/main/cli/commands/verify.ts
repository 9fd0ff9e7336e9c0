import { defineCommand } from '../command.ts';
import { runJob } from '../job.ts';
import { findModel } from '../model.ts';
import { printable } from '../text.ts';

export const command = defineCommand({
  args: ['MODEL'],
  options: {},
  notes: 'The first time, the sha256 is recorded. Exit code 1 when the files are not what they were.',
  run: async (context, [reference = '']) => {
    const { id: modelId, name } = await findModel(context, reference);
    const result = await runJob(context, { kind: 'verify', modelId });
    const verdict = result.matches
      ? `${printable(name)} is unchanged.`
      : `${printable(name)} has changed: ${printable(result.changedFiles.join(', '))}`;
    return { json: { modelId, ...result }, text: `${verdict}\nsha256  ${result.sha256}`, exitCode: result.matches ? 0 : 1 };
  },
});
