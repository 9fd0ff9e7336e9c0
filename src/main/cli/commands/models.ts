import { defineCommand } from '../command.ts';
import { modelTable } from '../model.ts';

export const command = defineCommand({
  args: [],
  options: {},
  run: async (context) => {
    const models = await (await context.client()).library.list({});
    return { json: models, text: models.length === 0 ? 'The library is empty. Add a model with: lathe import PATH' : modelTable(models) };
  },
});
