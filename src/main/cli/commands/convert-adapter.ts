import { adapterFormat } from '#contract/adapters.ts';
import { defineCommand } from '../command.ts';
import { runJob } from '../job.ts';
import { writtenAdapter, writtenAdapterSpecs } from '../made-adapter.ts';
import { findModel } from '../model.ts';
import { oneOf, required } from '../values.ts';

const { out, name: nameSpec } = writtenAdapterSpecs;

export const command = defineCommand({
  args: ['ADAPTER'],
  options: {
    to: { type: 'string', value: 'NAME', help: 'peft: a folder, gguf: a file' },
    base: { type: 'string', value: 'MODEL', help: 'a model that it fits' },
    out,
    name: nameSpec,
  },
  run: async (context, [reference = ''], values) => {
    const format = oneOf('to', required('to', values.to), adapterFormat.options);
    const outputPath = context.resolvePath(required('out', values.out));
    const { id: adapterId } = await findModel(context, reference);
    const { id: baseId } = await findModel(context, required('base', values.base));
    const name = values.name === undefined ? {} : { name: values.name };
    return writtenAdapter(await runJob(context, { kind: 'convertAdapter', adapterId, baseId, format, outputPath, ...name }));
  },
});
