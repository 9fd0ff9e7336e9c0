import { formatBytes, UNKNOWN } from '#core/bytes.ts';
import { defineCommand } from '../command.ts';
import { table } from '../text.ts';

export const command = defineCommand({
  args: [],
  options: {},
  notes: 'An adapter is added as a model is: lathe import PATH.',
  run: async (context) => {
    const client = await context.client();
    const models = await client.library.list({});
    const names = new Map(models.map(({ id, name }) => [id, name]));
    const adapters = models.filter(({ kind }) => kind === 'peft-adapter' || kind === 'gguf-adapter');
    const found = [];
    for (const adapter of adapters) {
      const fits = adapter.state.status === 'ready' ? await client.adapters.fits({ adapterId: adapter.id }) : [];
      found.push({ ...adapter, fits });
    }
    const columns = [
      { title: 'name', max: 40 },
      { title: 'kind' },
      { title: 'rank', align: 'right' as const },
      { title: 'alpha', align: 'right' as const },
      { title: 'size', align: 'right' as const },
      { title: 'base', max: 40 },
      { title: 'fits', max: 60 },
      { title: 'id' },
    ];
    const rows = found.map(({ name, kind, facts, sizeBytes, fits, id }) => [
      name,
      kind,
      String(facts.adapter?.rank ?? UNKNOWN),
      String(facts.adapter?.alpha ?? UNKNOWN),
      formatBytes(sizeBytes),
      facts.adapter?.baseModel ?? UNKNOWN,
      fits
        .filter(({ problems }) => problems.length === 0)
        .map(({ modelId }) => names.get(modelId) ?? modelId)
        .join(', ') || UNKNOWN,
      id,
    ]);
    return {
      json: found,
      text: found.length === 0 ? 'There is no adapter in the library. Add one with: lathe import PATH' : table(columns, rows),
    };
  },
});
