import { adapterFormat, combineMethod, combineOptions } from '#contract/adapters.ts';
import { findAdapters } from '../adapters.ts';
import { defineCommand } from '../command.ts';
import { runJob } from '../job.ts';
import { formatFor, writtenAdapter, writtenAdapterSpecs } from '../made-adapter.ts';
import { findModel } from '../model.ts';
import { definedOnly, numberOf, oneOf, required, wholeNumberOf } from '../values.ts';

export const command = defineCommand({
  args: [],
  options: {
    method: { type: 'string', value: 'NAME', help: combineMethod.options.join(', ') },
    adapter: { type: 'string', value: 'A[:WEIGHT]', multiple: true, help: 'an adapter and its weight (1); given several times' },
    rank: { type: 'string', value: 'N', help: 'of the result, where the method chooses one' },
    density: { type: 'string', value: 'X', help: 'share of the values that TIES, DARE and pruning keep (0.5)' },
    seed: { type: 'string', value: 'N', help: 'of what DARE leaves out (0)' },
    base: { type: 'string', value: 'MODEL', help: 'a model that they fit, where the format changes' },
    ...writtenAdapterSpecs,
  },
  run: async (context, _, values) => {
    const method = oneOf('method', required('method', values.method), combineMethod.options);
    const outputPath = context.resolvePath(required('out', values.out));
    const options = combineOptions.parse(
      definedOnly({
        method,
        rank: wholeNumberOf('rank', values.rank, { min: 1, max: 4096 }),
        density: numberOf('density', values.density, { min: 0.001, max: 1 }),
        seed: wholeNumberOf('seed', values.seed, { min: 0, max: 0xffff_ffff }),
      }),
    );
    const adapters = await findAdapters(context, values.adapter);
    const baseId = values.base === undefined ? null : (await findModel(context, values.base)).id;
    const format = values.format === undefined ? formatFor(outputPath) : oneOf('format', values.format, adapterFormat.options);
    const name = values.name === undefined ? {} : { name: values.name };
    return writtenAdapter(await runJob(context, { kind: 'combine', adapters, options, baseId, format, outputPath, ...name }));
  },
});
