import type { Certificate, CertificateMeasure } from '#contract/adapters.ts';
import type { Database } from './open.ts';

interface CertificateRow {
  readonly id: string;
  readonly model_id: string;
  readonly base_id: string | null;
  readonly base_name: string;
  readonly measure: string;
  readonly versions: string;
  readonly made_ms: number;
  readonly duration_ms: number;
}

interface AdapterRow {
  readonly adapter_id: string | null;
  readonly name: string;
  readonly scale: number;
}

export type CertificateRepository = ReturnType<typeof certificateRepository>;

/** The proofs of merges. */
export function certificateRepository(database: Database) {
  const { connection } = database;
  const insert = connection.prepare(
    // A base that left the library meanwhile is remembered by name, and so is an adapter.
    `INSERT INTO certificates (id, model_id, base_id, base_name, measure, versions, made_ms, duration_ms)
     VALUES (@id, @modelId, (SELECT id FROM models WHERE id = @baseId), @baseName, @measure, @versions, @madeMs, @durationMs)`,
  );
  const insertAdapter = connection.prepare(
    `INSERT INTO certificate_adapters (certificate_id, position, adapter_id, name, scale)
     VALUES (@id, @position, (SELECT id FROM models WHERE id = @adapterId), @name, @scale)`,
  );
  const ofModel = connection.prepare<{ id: string }, CertificateRow>(
    `SELECT * FROM certificates
     WHERE model_id = @id OR id IN (SELECT certificate_id FROM certificate_adapters WHERE adapter_id = @id)
     ORDER BY made_ms DESC, rowid DESC`,
  );
  const adaptersOf = connection.prepare<[string], AdapterRow>(
    'SELECT adapter_id, name, scale FROM certificate_adapters WHERE certificate_id = ? ORDER BY position',
  );

  const certificateOf = (row: CertificateRow): Certificate => ({
    id: row.id,
    modelId: row.model_id,
    baseId: row.base_id,
    baseName: row.base_name,
    adapters: adaptersOf.all(row.id).map(({ adapter_id: adapterId, name, scale }) => ({ adapterId, name, scale })),
    measure: JSON.parse(row.measure) as CertificateMeasure,
    madeMs: row.made_ms,
    durationMs: row.duration_ms,
    versions: JSON.parse(row.versions) as Record<string, string>,
  });

  return {
    add: ({ adapters, measure, versions, ...rest }: Certificate): void =>
      database.write(() => {
        insert.run({ ...rest, measure: JSON.stringify(measure), versions: JSON.stringify(versions) });
        for (const [position, adapter] of adapters.entries()) insertAdapter.run({ id: rest.id, position, ...adapter });
      }),
    /** Of a merged model, or of all that was made with an adapter; newest first. */
    ofModel: (modelId: string): Certificate[] => ofModel.all({ id: modelId }).map(certificateOf),
  };
}
