import { defineCommand } from '../command.ts';
import { runJob } from '../job.ts';
import { modelTable } from '../model.ts';

export const command = defineCommand({
  args: ['NAME'],
  options: {},
  run: async (context, [name = '']) => {
    const { modelId } = await runJob(context, { kind: 'demo', name });
    const { model } = await (await context.client()).library.get({ modelId });
    return { json: model, text: modelTable([model]) };
  },
});
