import type { RemoteDialect } from '#core/remote/request.ts';
import type { Database } from './open.ts';

/** A remote engine as it is saved; its key is not here. */
export interface SavedEngine {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly dialect: RemoteDialect;
  readonly allowInsecure: boolean;
  readonly createdMs: number;
}

interface Row {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly dialect: RemoteDialect;
  readonly allow_insecure: number;
  readonly created_ms: number;
}

const engineOf = ({ allow_insecure: allowInsecure, created_ms: createdMs, ...row }: Row): SavedEngine => ({
  ...row,
  allowInsecure: allowInsecure === 1,
  createdMs,
});

export type RemoteRepository = ReturnType<typeof remoteRepository>;

/** Remote engines, by name. */
export function remoteRepository(database: Database) {
  const { connection } = database;
  const all = connection.prepare<[], Row>('SELECT * FROM remote_engines ORDER BY name COLLATE NOCASE, created_ms');
  const byId = connection.prepare<[string], Row>('SELECT * FROM remote_engines WHERE id = ?');
  const put = connection.prepare(
    `INSERT INTO remote_engines (id, name, address, dialect, allow_insecure, created_ms)
     VALUES (@id, @name, @address, @dialect, @allowInsecure, @createdMs)
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, address = excluded.address, dialect = excluded.dialect,
       allow_insecure = excluded.allow_insecure`,
  );
  const remove = connection.prepare('DELETE FROM remote_engines WHERE id = ?');
  return {
    list: (): SavedEngine[] => all.all().map(engineOf),
    get: (id: string): SavedEngine | undefined => {
      const row = byId.get(id);
      return row === undefined ? undefined : engineOf(row);
    },
    put: (engine: SavedEngine): void => database.write(() => void put.run({ ...engine, allowInsecure: engine.allowInsecure ? 1 : 0 })),
    remove: (id: string): void => database.write(() => void remove.run(id)),
  };
}
