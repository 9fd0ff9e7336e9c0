import { formatBytes } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';
import type { AppClient } from '#contract/index.ts';
import { defineCommand } from '../command.ts';
import { findModel, parameters } from '../model.ts';
import { facts, heading, table } from '../text.ts';

export const command = defineCommand({
  args: ['MODEL'],
  options: {
    tensors: { type: 'boolean', help: 'also list every tensor' },
    metadata: { type: 'boolean', help: 'also list every metadata entry' },
  },
  run: async (context, [reference = ''], values) => {
    const client = await context.client();
    const { id: modelId } = await findModel(context, reference);
    const details = await client.library.get({ modelId });
    const tensors = values.tensors === true ? await allTensors(client, modelId) : undefined;
    const metadata = values.metadata === true ? await client.library.metadata({ modelId }) : undefined;
    const { model } = details;
    const known = model.facts;
    const sections = [
      facts([
        ['name', model.name],
        ['id', model.id],
        ['kind', model.kind],
        ['path', model.path],
        ['size', formatBytes(model.sizeBytes)],
        ['state', model.state.status === 'ready' ? 'ready' : `${model.state.status}: ${AppError.from(model.state.error).message}`],
        [
          'sha256',
          model.hash.status === 'pending'
            ? 'not computed yet'
            : `${model.hash.sha256}${model.hash.status === 'changed' ? ' (changed since)' : ''}`,
        ],
        ['architecture', known.architecture],
        [
          'parameters',
          known.parameterCount === undefined
            ? undefined
            : `${parameters(known.parameterCount)} (${known.parameterCount.toLocaleString('en')})`,
        ],
        ['type', known.quantization],
        ['layers', known.layerCount],
        ['embedding', known.embeddingLength],
        ['heads', known.headCount],
        ['KV heads', known.headCountKv],
        ['context', known.contextLength],
        ['vocabulary', known.vocabularySize],
        ['tensors', known.tensorCount],
        ['tokenizer', known.tokenizerModel],
        ['chat template', known.hasChatTemplate === undefined ? undefined : known.hasChatTemplate ? 'yes' : 'no'],
        ['licence', known.licence],
        ['made from', details.lineage.parents.map(({ name, role }) => `${name} (${role})`).join(', ')],
        ['tags', model.tags.join(', ')],
        ['note', model.note],
      ]),
    ];
    if (metadata !== undefined) {
      const rows = metadata.map(({ key, type, value, length }) => [key, length === null ? type : `${type} × ${length}`, value]);
      sections.push(heading('Metadata'), table([{ title: 'key' }, { title: 'type' }, { title: 'value', max: 80 }], rows));
    }
    if (tensors !== undefined) {
      const rows = tensors.map(({ name, type, shape, sizeBytes }) => [name, type, shape.join(' × '), formatBytes(sizeBytes)]);
      const columns = [{ title: 'tensor' }, { title: 'type' }, { title: 'shape' }, { title: 'size', align: 'right' as const }];
      sections.push(heading('Tensors'), table(columns, rows));
    }
    const json = { ...details, ...(metadata === undefined ? {} : { metadata }), ...(tensors === undefined ? {} : { tensors }) };
    return { json, text: sections.join('\n\n') };
  },
});

type TensorRow = Awaited<ReturnType<AppClient['library']['tensors']>>['rows'][number];

/** The contract hands tensors out in pages; a big model has thousands. */
async function allTensors(client: AppClient, modelId: string): Promise<TensorRow[]> {
  const rows: TensorRow[] = [];
  for (;;) {
    const page = await client.library.tensors({ modelId, offset: rows.length });
    rows.push(...page.rows);
    if (page.rows.length === 0 || rows.length >= page.total) return rows;
  }
}
