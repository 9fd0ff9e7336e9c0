import { formatDuration, UNKNOWN } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';
import { defineCommand } from '../command.ts';
import { describe } from '../job.ts';
import { table } from '../text.ts';

export const command = defineCommand({
  args: [],
  options: {},
  run: async (context) => {
    const jobs = await (await context.client()).jobs.list({});
    const rows = jobs.map((job) => [
      job.id,
      job.spec.kind,
      job.state,
      new Date(job.createdMs).toLocaleString('sv'),
      job.startedMs === null || job.finishedMs === null ? UNKNOWN : formatDuration(job.finishedMs - job.startedMs),
      job.error !== null ? AppError.from(job.error).message : job.state === 'running' ? describe(job) : '',
    ]);
    const columns = [
      { title: 'id' },
      { title: 'kind' },
      { title: 'state' },
      { title: 'started' },
      { title: 'took' },
      { title: '', max: 80 },
    ];
    return { json: jobs, text: jobs.length === 0 ? 'There are no jobs.' : table(columns, rows) };
  },
});
