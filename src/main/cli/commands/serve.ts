import { defineCommand } from '../command.ts';
import { wholeNumberOf } from '../values.ts';

export const command = defineCommand({
  args: [],
  options: {
    port: { type: 'string', value: 'N', help: 'the port to listen on (a free one)' },
    'show-key': { type: 'boolean', help: 'print the key for other programs, not only the file that it is in' },
  },
  notes:
    'Only this computer can reach it, and only with the printed address. Other programs come in as to OpenAI’s servers, with the key. Ctrl+C ends it.',
  run: async (context, _args, values) => {
    await context.serve(wholeNumberOf('port', values.port, { min: 0, max: 65_535 }) ?? 0, values['show-key'] === true);
    return { json: undefined, text: '' };
  },
});
