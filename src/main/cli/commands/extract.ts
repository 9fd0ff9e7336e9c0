import { adapterFormat } from '#contract/adapters.ts';
import { defineCommand } from '../command.ts';
import { runJob } from '../job.ts';
import { formatFor, writtenAdapter, writtenAdapterSpecs } from '../made-adapter.ts';
import { findModel } from '../model.ts';
import { numberOf, oneOf, required, usage, wholeNumberOf } from '../values.ts';

export const command = defineCommand({
  args: [],
  options: {
    base: { type: 'string', value: 'MODEL', help: 'the model that was fine-tuned' },
    tuned: { type: 'string', value: 'MODEL', help: 'what became of it' },
    rank: { type: 'string', value: 'N', help: 'rank of the adapter' },
    energy: { type: 'string', value: 'X', help: 'or: the share of the change that it is to hold, 0 to 1 (0.95)' },
    ...writtenAdapterSpecs,
  },
  run: async (context, _, values) => {
    if (values.rank !== undefined && values.energy !== undefined) throw usage('--rank and --energy exclude each other');
    const rank = wholeNumberOf('rank', values.rank, { min: 1, max: 4096 }) ?? null;
    const energy = numberOf('energy', values.energy, { min: 0.01, max: 1 }) ?? null;
    const outputPath = context.resolvePath(required('out', values.out));
    const { id: baseId } = await findModel(context, required('base', values.base));
    const { id: tunedId } = await findModel(context, required('tuned', values.tuned));
    const format = values.format === undefined ? formatFor(outputPath) : oneOf('format', values.format, adapterFormat.options);
    const name = values.name === undefined ? {} : { name: values.name };
    const result = await runJob(context, { kind: 'extract', baseId, tunedId, rank, energy, format, outputPath, ...name });
    return writtenAdapter(result, [
      ['rank', String(result.rank)],
      ['left out', `${(result.residual * 100).toFixed(2)} % of the change`],
    ]);
  },
});
