import { formatBytes, UNKNOWN } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';
import type { AppClient } from '#contract/index.ts';
import type { QualityCard, Recipe } from '#contract/quantize.ts';
import { defineCommand } from '../command.ts';
import { findModel } from '../model.ts';
import { quantizeOptionSpecs, quantizeOptionsOf } from '../quantize-options.ts';
import { table } from '../text.ts';

export const command = defineCommand({
  args: ['MODEL'],
  options: quantizeOptionSpecs,
  notes: 'Sizes are exact. Perplexity and KL divergence stand where a file was made from this model and measured.',
  run: async (context, [reference = ''], values) => {
    const options = quantizeOptionsOf(context, values);
    const client = await context.client();
    const { id: modelId } = await findModel(context, reference);
    const recipes = await client.quantize.recipes({ modelId, options }, { signal: context.signal });
    const cards = await cardsByRecipe(client, modelId);
    const rows = recipes.map((recipe) => ({ ...recipe, card: cards.get(keyOf(recipe)) ?? null }));
    const columns = [
      { title: 'target' },
      { title: 'format' },
      { title: 'size', align: 'right' as const },
      { title: 'bits/weight', align: 'right' as const },
      { title: 'perplexity', align: 'right' as const },
      { title: 'mean KL', align: 'right' as const },
      { title: 'needs', max: 80 },
    ];
    const cells = rows.map((row) => [
      row.target,
      row.format,
      row.sizeBytes === null ? UNKNOWN : formatBytes(row.sizeBytes),
      row.bitsPerWeight === null ? UNKNOWN : row.bitsPerWeight.toFixed(2),
      row.card === null ? UNKNOWN : row.card.measure.perplexity.toFixed(3),
      row.card === null ? UNKNOWN : row.card.measure.meanKl.toFixed(5),
      needsOf(row),
    ]);
    return { json: rows, text: table(columns, cells) };
  },
});

const keyOf = ({ target, format }: { readonly target: string; readonly format: string }): string => `${format} ${target}`;

function needsOf({ problem, needsImatrix, needsCalibration }: Recipe): string {
  if (problem !== null) return AppError.from(problem).message;
  if (needsImatrix) return 'an importance matrix';
  return needsCalibration ? 'a calibration' : '';
}

/** The newest card of each target that was made from a model, by what the files' lineage or they themselves say. */
async function cardsByRecipe(client: AppClient, modelId: string): Promise<Map<string, QualityCard>> {
  const found = new Map<string, QualityCard>();
  const cards = (await client.quantize.cards({ modelId })).filter(({ sourceId }) => sourceId === modelId);
  for (const card of cards) {
    const { model, lineage } = await client.library.get({ modelId: card.modelId });
    const made = lineage.recipe?.['target'];
    const target = typeof made === 'string' ? made : (model.facts.quantization ?? '');
    const key = keyOf({ target, format: model.kind === 'gguf' ? 'gguf' : 'hf' });
    if (!found.has(key)) found.set(key, card);
  }
  return found;
}
