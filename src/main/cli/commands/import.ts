import { formatBytes } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';
import type { importProblem, Model } from '#contract/library.ts';
import type { z } from 'zod';
import { defineCommand } from '../command.ts';
import { modelTable } from '../model.ts';
import { printable } from '../text.ts';

export const command = defineCommand({
  args: ['PATH'],
  options: { copy: { type: 'boolean', help: 'copy the files into the data folder (otherwise they stay where they are)' } },
  run: async (context, [path = ''], { copy }) => {
    const client = await context.client();
    const models: Model[] = [];
    const problems: z.output<typeof importProblem>[] = [];
    const input = { path: context.resolvePath(path), mode: copy === true ? ('copy' as const) : ('link' as const) };
    for await (const event of client.library.import(input, { signal: context.signal })) {
      if (event.type === 'looking') context.progress(`looking at ${event.path}`);
      else if (event.type === 'copying') context.progress(`copying  ${formatBytes(event.doneBytes)} of ${formatBytes(event.totalBytes)}`);
      else if (event.type === 'added') models.push(event.model);
      else problems.push(event.problem);
    }
    context.progress('');
    const [first] = problems;
    if (models.length === 0 && first !== undefined) throw AppError.from(first.error);
    const problemLines = problems.map((problem) => `${printable(problem.path)}: ${printable(AppError.from(problem.error).message)}`);
    return { json: { models, problems }, text: [modelTable(models), ...problemLines].join('\n'), exitCode: problems.length > 0 ? 1 : 0 };
  },
});
