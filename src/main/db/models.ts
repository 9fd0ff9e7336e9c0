import type { z } from 'zod';
import type { lineage, Model, modelHash, modelKind, modelState } from '#contract/library.ts';
import type { AppErrorData } from '#core/errors/index.ts';
import type { ModelFacts } from '#core/model/facts.ts';
import type { Database } from './open.ts';

export type ModelKind = z.output<typeof modelKind>;
export type ModelState = z.output<typeof modelState>;
export type ModelHash = z.output<typeof modelHash>;
export type Lineage = z.output<typeof lineage>;

/** A file of a model, as it was when it was last looked at. */
export interface ModelFile {
  /** Below the model's folder, with slashes. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly sha256: string | null;
}

/** What the files say: replaced as a whole when they are looked at again. */
export interface ModelContent {
  readonly kind: ModelKind;
  readonly path: string;
  readonly realPath: string;
  readonly facts: ModelFacts;
  readonly files: readonly ModelFile[];
}

export interface NewModel extends ModelContent {
  readonly id: string;
  readonly name: string;
  readonly origin: Model['origin'];
  readonly addedMs: number;
}

export interface ModelPlace {
  readonly id: string;
  readonly kind: ModelKind;
  readonly path: string;
  readonly status: ModelState['status'];
}

export interface NewLineage {
  readonly parents: Lineage['parents'];
  readonly recipe: Readonly<Record<string, unknown>> | null;
  readonly versions: Readonly<Record<string, string>>;
  readonly madeMs: number;
}

interface ModelRow {
  readonly id: string;
  readonly kind: ModelKind;
  readonly name: string;
  readonly path: string;
  readonly origin: Model['origin'];
  readonly facts: string;
  readonly state: string;
  readonly hash_status: ModelHash['status'];
  readonly sha256: string | null;
  readonly hashed_ms: number | null;
  readonly tags: string;
  readonly note: string;
  readonly favourite: number;
  readonly added_ms: number;
  readonly last_used_ms: number | null;
  readonly size_bytes: number;
  readonly file_count: number;
  readonly duplicates: string | null;
}

interface FileRow {
  readonly name: string;
  readonly size_bytes: number;
  readonly modified_ms: number;
  readonly sha256: string | null;
}

const SELECT = `
  SELECT m.*,
    (SELECT coalesce(sum(size_bytes), 0) FROM model_files WHERE model_id = m.id) AS size_bytes,
    (SELECT count(*) FROM model_files WHERE model_id = m.id) AS file_count,
    CASE WHEN m.hash_status = 'done' THEN
      (SELECT json_group_array(id) FROM models WHERE sha256 = m.sha256 AND hash_status = 'done' AND id <> m.id)
    END AS duplicates
  FROM models m`;

const hashOf = ({ hash_status: status, sha256, hashed_ms: hashedMs }: ModelRow): ModelHash =>
  status === 'pending' || sha256 === null || hashedMs === null ? { status: 'pending' } : { status, sha256, hashedMs };

const modelOf = (row: ModelRow): Model => ({
  id: row.id,
  kind: row.kind,
  name: row.name,
  path: row.path,
  origin: row.origin,
  sizeBytes: row.size_bytes,
  fileCount: row.file_count,
  facts: JSON.parse(row.facts) as Model['facts'],
  state: JSON.parse(row.state) as ModelState,
  hash: hashOf(row),
  duplicateIds: row.duplicates === null ? [] : (JSON.parse(row.duplicates) as string[]),
  tags: JSON.parse(row.tags) as string[],
  note: row.note,
  favourite: row.favourite === 1,
  addedMs: row.added_ms,
  lastUsedMs: row.last_used_ms,
});

const fileOf = (row: FileRow): ModelFile => ({
  name: row.name,
  sizeBytes: row.size_bytes,
  modifiedMs: row.modified_ms,
  sha256: row.sha256,
});

export type ModelRepository = ReturnType<typeof modelRepository>;

/** The models, their files, and what they were made from. */
export function modelRepository(database: Database) {
  const { connection } = database;
  const list = connection.prepare<[], ModelRow>(`${SELECT} ORDER BY m.added_ms DESC, m.rowid DESC`);
  const byId = connection.prepare<[string], ModelRow>(`${SELECT} WHERE m.id = ?`);
  const byPath = connection.prepare<[string, string], ModelRow>(`${SELECT} WHERE m.path = ? OR m.real_path = ? LIMIT 1`);
  const byName = connection.prepare<[string], ModelRow>(`${SELECT} WHERE m.name = ?`);
  const files = connection.prepare<[string], FileRow>('SELECT * FROM model_files WHERE model_id = ? ORDER BY position');
  const allFiles = connection.prepare<[], FileRow & { model_id: string }>('SELECT * FROM model_files ORDER BY model_id, position');
  const places = connection.prepare<[], ModelPlace>(
    `SELECT id, kind, path, json_extract(state, '$.status') AS status FROM models ORDER BY added_ms DESC, rowid DESC`,
  );
  const unhashed = connection.prepare<[string], string>(
    `SELECT id FROM models WHERE hash_status = 'pending' AND json_extract(state, '$.status') = 'ready'
       AND id NOT IN (SELECT value FROM json_each(?)) ORDER BY added_ms LIMIT 1`,
  );
  const insert = connection.prepare(
    `INSERT INTO models (id, kind, name, path, real_path, origin, facts, state, added_ms)
     VALUES (@id, @kind, @name, @path, @realPath, @origin, @facts, '{"status":"ready"}', @addedMs)`,
  );
  const setContent = connection.prepare(
    `UPDATE models SET kind = @kind, path = @path, real_path = @realPath, facts = @facts, state = '{"status":"ready"}' WHERE id = @id`,
  );
  const setState = connection.prepare('UPDATE models SET state = ? WHERE id = ?');
  const setHash = connection.prepare('UPDATE models SET hash_status = ?, sha256 = ?, hashed_ms = ? WHERE id = ?');
  const setHashStatus = connection.prepare(`UPDATE models SET hash_status = ? WHERE id = ? AND hash_status <> 'pending'`);
  const setNotes = connection.prepare(
    `UPDATE models SET name = coalesce(@name, name), note = coalesce(@note, note), tags = coalesce(@tags, tags),
       favourite = coalesce(@favourite, favourite) WHERE id = @id`,
  );
  const setUsed = connection.prepare('UPDATE models SET last_used_ms = ? WHERE id = ?');
  const remove = connection.prepare('DELETE FROM models WHERE id = ?');
  const removeFiles = connection.prepare('DELETE FROM model_files WHERE model_id = ?');
  const insertFile = connection.prepare(
    'INSERT INTO model_files (model_id, position, name, size_bytes, modified_ms, sha256) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const setFileHash = connection.prepare('UPDATE model_files SET sha256 = ? WHERE model_id = ? AND name = ?');
  const insertLineage = connection.prepare('INSERT INTO lineage (model_id, recipe, versions, made_ms) VALUES (?, ?, ?, ?)');
  const insertParent = connection.prepare(
    // A parent that left the library meanwhile is remembered by name and hash.
    `INSERT INTO lineage_parents (model_id, position, parent_id, name, sha256, role)
     VALUES (?, ?, (SELECT id FROM models WHERE id = ?), ?, ?, ?)`,
  );
  const lineageOf = connection.prepare<[string], { recipe: string | null; versions: string }>('SELECT * FROM lineage WHERE model_id = ?');
  const parentsOf = connection.prepare<
    [string],
    { parent_id: string | null; name: string; sha256: string | null; role: Lineage['parents'][number]['role'] }
  >('SELECT * FROM lineage_parents WHERE model_id = ? ORDER BY position');
  const childrenOf = connection.prepare<[string], { modelId: string; name: string }>(
    `SELECT DISTINCT m.id AS modelId, m.name FROM lineage_parents p JOIN models m ON m.id = p.model_id
     WHERE p.parent_id = ? ORDER BY m.added_ms`,
  );

  const putFiles = (modelId: string, all: readonly ModelFile[]): void => {
    removeFiles.run(modelId);
    for (const [position, { name, sizeBytes, modifiedMs, sha256 }] of all.entries())
      insertFile.run(modelId, position, name, sizeBytes, modifiedMs, sha256);
  };
  const found = (row: ModelRow | undefined): Model | undefined => (row === undefined ? undefined : modelOf(row));

  return {
    /** Newest first. */
    list: (): Model[] => list.all().map(modelOf),
    /** Where they lie, without what their files say: a tenth of the work. */
    places: (): ModelPlace[] => places.all(),
    get: (id: string): Model | undefined => found(byId.get(id)),
    /** The model at a path, or at the same place under another path. */
    atPath: (path: string, realPath: string): Model | undefined => found(byPath.get(path, realPath)),
    named: (name: string): Model[] => byName.all(name).map(modelOf),
    files: (id: string): ModelFile[] => files.all(id).map(fileOf),
    filesOfAll: (): Map<string, ModelFile[]> => {
      const all = new Map<string, ModelFile[]>();
      for (const row of allFiles.all()) {
        const own = all.get(row.model_id);
        if (own === undefined) all.set(row.model_id, [fileOf(row)]);
        else own.push(fileOf(row));
      }
      return all;
    },
    /** The oldest usable model whose content has no hash yet; `except`: none of these. */
    unhashed: (except: ReadonlySet<string>): string | undefined => unhashed.pluck().get(JSON.stringify([...except])),

    add: ({ files: contents, facts, ...model }: NewModel): void =>
      database.write(() => {
        insert.run({ ...model, facts: JSON.stringify(facts) });
        putFiles(model.id, contents);
      }),
    /** The files were looked at again, and are usable. */
    setContent: (id: string, { files: contents, facts, ...place }: ModelContent): void =>
      database.write(() => {
        setContent.run({ id, ...place, facts: JSON.stringify(facts) });
        putFiles(id, contents);
      }),
    setState: (id: string, state: ModelState): void => database.write(() => void setState.run(JSON.stringify(state), id)),
    /** The files are there, but something is wrong with them. */
    setBroken: (id: string, error: AppErrorData, contents: readonly ModelFile[]): void =>
      database.write(() => {
        setState.run(JSON.stringify({ status: 'broken', error } satisfies ModelState), id);
        putFiles(id, contents);
      }),
    /** Record what the content is. `byFile` has the hash of every file. */
    setHash: (id: string, sha256: string, byFile: ReadonlyMap<string, string>, hashedMs: number): void =>
      database.write(() => {
        for (const [name, hash] of byFile) setFileHash.run(hash, id, name);
        setHash.run('done', sha256, hashedMs, id);
      }),
    /** The content is no longer what the hash says. Does nothing where there is no hash. */
    markChanged: (id: string): void => database.write(() => void setHashStatus.run('changed', id)),
    /** Forget the hash, so that it is computed anew. */
    forgetHash: (id: string): void => database.write(() => void setHash.run('pending', null, null, id)),
    update: (
      id: string,
      change: {
        name?: string | undefined;
        note?: string | undefined;
        tags?: readonly string[] | undefined;
        favourite?: boolean | undefined;
      },
    ): void =>
      database.write(() => {
        const { name = null, note = null, tags, favourite } = change;
        setNotes.run({
          id,
          name,
          note,
          tags: tags === undefined ? null : JSON.stringify(tags),
          favourite: favourite === undefined ? null : Number(favourite),
        });
      }),
    setUsed: (id: string, usedMs: number): void => database.write(() => void setUsed.run(usedMs, id)),
    remove: (id: string): void => database.write(() => void remove.run(id)),

    addLineage: (modelId: string, { parents, recipe, versions, madeMs }: NewLineage): void =>
      database.write(() => {
        insertLineage.run(modelId, recipe === null ? null : JSON.stringify(recipe), JSON.stringify(versions), madeMs);
        for (const [position, parent] of parents.entries())
          insertParent.run(modelId, position, parent.modelId, parent.name, parent.sha256, parent.role);
      }),
    /** Empty where the model was not made by Lathe. */
    lineage: (modelId: string): Lineage => {
      const own = lineageOf.get(modelId);
      return {
        parents: parentsOf.all(modelId).map(({ parent_id, name, sha256, role }) => ({ modelId: parent_id, name, sha256, role })),
        recipe: own === undefined || own.recipe === null ? null : (JSON.parse(own.recipe) as Record<string, unknown>),
        versions: own === undefined ? {} : (JSON.parse(own.versions) as Record<string, string>),
        children: childrenOf.all(modelId),
      };
    },
  };
}
