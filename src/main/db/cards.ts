import type { QualityCard, QualityMeasure } from '#contract/quantize.ts';
import type { Database } from './open.ts';

interface CardRow {
  readonly id: string;
  readonly model_id: string;
  readonly source_id: string | null;
  readonly source_name: string;
  readonly measure: string;
  readonly versions: string;
  readonly made_ms: number;
  readonly duration_ms: number;
}

const cardOf = (row: CardRow): QualityCard => ({
  id: row.id,
  modelId: row.model_id,
  sourceId: row.source_id,
  sourceName: row.source_name,
  measure: JSON.parse(row.measure) as QualityMeasure,
  madeMs: row.made_ms,
  durationMs: row.duration_ms,
  versions: JSON.parse(row.versions) as Record<string, string>,
});

export type CardRepository = ReturnType<typeof cardRepository>;

/** What was measured of models against those that they were made from. */
export function cardRepository(database: Database) {
  const { connection } = database;
  const insert = connection.prepare(
    // A source that left the library meanwhile is remembered by name.
    `INSERT INTO quality_cards (id, model_id, source_id, source_name, measure, versions, made_ms, duration_ms)
     VALUES (@id, @modelId, (SELECT id FROM models WHERE id = @sourceId), @sourceName, @measure, @versions, @madeMs, @durationMs)`,
  );
  const ofFamily = connection.prepare<[string], CardRow>(`
    WITH RECURSIVE
      ancestors (id) AS (
        SELECT ?
        UNION
        SELECT parent_id FROM lineage_parents p JOIN ancestors a ON p.model_id = a.id WHERE parent_id IS NOT NULL
      ),
      family (id) AS (
        SELECT id FROM ancestors
        UNION
        SELECT p.model_id FROM lineage_parents p JOIN family f ON p.parent_id = f.id
      )
    SELECT c.* FROM quality_cards c JOIN family f ON c.model_id = f.id ORDER BY c.made_ms DESC, c.rowid DESC`);

  return {
    add: (card: QualityCard): void =>
      database.write(() => void insert.run({ ...card, measure: JSON.stringify(card.measure), versions: JSON.stringify(card.versions) })),
    /** Of a model, of what it was made from, and of all that was made from any of these; newest first. */
    ofFamily: (modelId: string): QualityCard[] => ofFamily.all(modelId).map(cardOf),
  };
}
