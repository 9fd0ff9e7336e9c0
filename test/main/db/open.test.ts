import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import BetterSqlite3 from 'better-sqlite3';
import { sampling as samplingSchema } from '#contract/chat.ts';
import { expect, test } from 'vitest';
import { quantizeOptions } from '#contract/quantize.ts';
import { AppError } from '#core/errors/index.ts';
import { followChanges } from '#main/db/feed.ts';
import { cardRepository } from '#main/db/cards.ts';
import { chatRepository } from '#main/db/chats.ts';
import { jobRepository } from '#main/db/jobs.ts';
import { migrations } from '#main/db/migrations.ts';
import { modelRepository } from '#main/db/models.ts';
import { openDatabase } from '#main/db/open.ts';
import { settingsRepository } from '#main/db/settings.ts';
import { temporaryFolder } from '../support/open.ts';

const schemaOf = (path: string): unknown[] => {
  const connection = new BetterSqlite3(path, { readonly: true });
  try {
    return connection.prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name').all();
  } finally {
    connection.close();
  }
};

const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
  return 'nothing thrown';
};

test('a database of every old version, brought up to date, equals a new one', () => {
  const folder = temporaryFolder();
  const fresh = join(folder, 'fresh.db');
  openDatabase(fresh).close();
  for (let version = 0; version <= migrations.length; version += 1) {
    const path = join(folder, `${version}.db`);
    if (version > 0) {
      const old = new BetterSqlite3(path);
      for (const migration of migrations.slice(0, version)) old.exec(migration);
      old.pragma(`user_version = ${version}`);
      old.close();
    }
    const migrated = openDatabase(path);
    expect(migrated.connection.pragma('user_version', { simple: true })).toBe(migrations.length);
    expect(migrated.connection.pragma('foreign_key_check')).toEqual([]);
    expect(migrated.connection.pragma('integrity_check', { simple: true })).toBe('ok');
    migrated.close();
    expect(schemaOf(path)).toEqual(schemaOf(fresh));
  }
});

test('what a database of the first version held is there in a new one', () => {
  const path = join(temporaryFolder(), 'a.db');
  const old = new BetterSqlite3(path);
  old.exec(migrations[0] ?? '');
  old.pragma('user_version = 1');
  old.exec(`
    INSERT INTO models (id, kind, name, path, real_path, origin, facts, state, added_ms)
      VALUES ('m1', 'gguf', 'a', '/a', '/a', 'link', '{}', '{"status":"ready"}', 1);
    INSERT INTO jobs (id, kind, spec, lane, state, owner_pid, created_ms, started_ms, finished_ms)
      VALUES ('j1', 'convert', '{"kind":"convert","modelId":"m1","target":"f16","outputPath":"/b"}', 'cpu', 'interrupted', 1, 1, 2, 3);
    INSERT INTO jobs (id, kind, spec, lane, state, result, owner_pid, created_ms)
      VALUES ('j2', 'convert', '{"kind":"convert","modelId":"m1","target":"bf16","outputPath":"/c","name":"C"}', 'cpu', 'done',
        '{"kind":"convert","modelId":"m2","path":"/c","sizeBytes":7,"durationMs":8,"warnings":[]}', 1, 9);
  `);
  old.close();
  const database = openDatabase(path);
  expect(modelRepository(database).list()).toMatchObject([{ id: 'm1', name: 'a', path: '/a' }]);
  // What an older program interrupted it did not keep.
  const jobs = jobRepository(database).list();
  expect(jobs).toMatchObject([{ job: { id: 'j2' } }, { job: { id: 'j1', state: 'interrupted', resumable: false, startedMs: 2 } }]);
  // What was a conversion is a quantization to floats.
  const floats = { kind: 'quantize', modelId: 'm1', format: 'gguf', options: quantizeOptions.parse({}), quality: null };
  expect(jobs.map(({ job }) => job.spec)).toEqual([
    { ...floats, target: 'BF16', outputPath: '/c', name: 'C' },
    { ...floats, target: 'F16', outputPath: '/b' },
  ]);
  const made = { kind: 'quantize', modelId: 'm2', path: '/c', sizeBytes: 7, durationMs: 8, warnings: [] };
  const unmeasured = { resumedTensors: 0, worstTensors: [], outliers: [], card: null, cardProblem: null };
  expect(jobs.map(({ job }) => job.result)).toEqual([{ ...made, ...unmeasured }, null]);
  expect(cardRepository(database).ofFamily('m1')).toEqual([]);
  database.close();
});

test('every table is STRICT, and every foreign key is enforced', () => {
  const database = openDatabase(':memory:');
  const tables = database.connection.prepare<[], { name: string; type: string; strict: number }>('PRAGMA table_list').all();
  const loose = tables.filter(({ name, type, strict }) => type === 'table' && strict === 0 && !name.startsWith('sqlite_'));
  expect(loose).toEqual([]);
  expect(tables.length).toBeGreaterThan(8);
  expect(() => database.connection.exec(`INSERT INTO model_files VALUES ('nobody', 0, 'a', 1, 1.0, NULL)`)).toThrow(/FOREIGN KEY/);
  database.close();
});

test('a migration that fails half-way leaves the version before it', () => {
  const path = join(temporaryFolder(), 'a.db');
  const first = [...migrations];
  openDatabase(path, first).close();
  expect(() => openDatabase(path, [...first, 'CREATE TABLE extra (a INTEGER) STRICT; CREATE TABLE models (a) STRICT;'])).toThrow(
    /already exists/,
  );
  const again = openDatabase(path, first);
  expect(again.connection.prepare(`SELECT count(*) FROM sqlite_schema WHERE name = 'extra'`).pluck().get()).toBe(0);
  again.close();
});

test('a database of a newer program is refused, and not a byte of it changes', () => {
  const path = join(temporaryFolder(), 'a.db');
  const newer = new BetterSqlite3(path);
  newer.exec('CREATE TABLE future (a INTEGER) STRICT');
  newer.pragma('user_version = 99');
  newer.close();
  const before = readFileSync(path);
  expect(codeOf(() => openDatabase(path))).toBe('db.newer');
  expect(readFileSync(path)).toEqual(before);
});

test.runIf(process.platform !== 'win32')('a path that SQLite cannot hold is said to be too long, and not to be forbidden', () => {
  const path = join(temporaryFolder(), '长'.repeat(80), '长'.repeat(80));
  mkdirSync(path, { recursive: true });
  expect(codeOf(() => openDatabase(join(path, `${'x'.repeat(40)}.db`)))).toBe('db.pathTooLong');
});

test.each(['not a database at all', 'pages in the middle'])('a damaged file is refused and kept: %s', (damage) => {
  const path = join(temporaryFolder(), 'a.db');
  if (damage === 'not a database at all') writeFileSync(path, 'x'.repeat(10_000));
  else {
    const database = openDatabase(path);
    settingsRepository(database).put(Object.fromEntries(Array.from({ length: 2000 }, (_, number) => [`name ${number}`, 'v'.repeat(200)])));
    database.connection.pragma('wal_checkpoint(TRUNCATE)');
    database.close();
    const bytes = readFileSync(path);
    bytes.fill(0xa5, Math.floor(bytes.byteLength / 2), Math.floor(bytes.byteLength / 2) + 20_000);
    writeFileSync(path, bytes);
  }
  const before = readFileSync(path);
  expect(codeOf(() => openDatabase(path))).toBe('db.corrupt');
  expect(readFileSync(path)).toEqual(before);
});

test('two processes that write at once lose nothing', async () => {
  const path = join(temporaryFolder(), 'a.db');
  openDatabase(path).close();
  const writer = fileURLToPath(new URL('./writer.ts', import.meta.url));
  const run = promisify(execFile);
  await Promise.all(['one', 'two'].map((name) => run(process.execPath, [writer, path, name, '200'])));
  const database = openDatabase(path);
  expect(Object.keys(settingsRepository(database).all())).toHaveLength(400);
  database.close();
});

test('what another connection writes is heard of, once for each thing, with what was removed', async () => {
  const path = join(temporaryFolder(), 'a.db');
  const [mine, theirs] = [openDatabase(path), openDatabase(path)];
  const feed = followChanges(mine);
  const heard: string[] = [];
  feed.subscribe('model', (id) => void heard.push(id));
  const place = { kind: 'gguf' as const, origin: 'link' as const, facts: {}, files: [], addedMs: 1 };
  const models = modelRepository(theirs);
  models.add({ id: 'm1', name: 'a', path: '/a', realPath: '/a', ...place });
  models.update('m1', { note: 'x' });
  models.add({ id: 'm2', name: 'b', path: '/b', realPath: '/b', ...place });
  models.remove('m1');
  await expect.poll(() => heard, { timeout: 5000 }).toEqual(['m1', 'm2']);
  expect(modelRepository(mine).get('m1')).toBeUndefined();
  feed.close();
  mine.close();
  theirs.close();
});

test('what this process writes is heard of at once, also when it is a consequence', () => {
  const database = openDatabase(':memory:');
  const feed = followChanges(database);
  const heard: string[] = [];
  feed.subscribe('model', (id) => void heard.push(id));
  feed.subscribe('thread', (id) => void heard.push(id));
  const models = modelRepository(database);
  const place = { kind: 'gguf' as const, origin: 'link' as const, facts: {}, files: [], addedMs: 1 };
  models.add({ id: 'm1', name: 'a', path: '/a', realPath: '/a', ...place });
  models.add({ id: 'm2', name: 'b', path: '/b', realPath: '/b', ...place });
  models.setHash('m1', 'f'.repeat(64), new Map(), 1);
  heard.length = 0;
  // The other one has a duplicate now.
  models.setHash('m2', 'f'.repeat(64), new Map(), 1);
  expect(heard.toSorted()).toEqual(['m1', 'm2']);
  expect(models.get('m1')?.duplicateIds).toEqual(['m2']);

  const sampling = samplingSchema.parse({ temperature: 0, maxTokens: 1 });
  chatRepository(database).addThread({
    id: 't1',
    title: '',
    modelId: 'm1',
    remote: null,
    mode: 'chat',
    systemPrompt: '',
    sampling,
    answerCount: 1,
    adapters: [],
    tools: [],
    folder: '',
    createdMs: 1,
    updatedMs: 1,
  });
  heard.length = 0;
  // The thread outlives its model, and no longer names it.
  models.remove('m1');
  expect(heard.toSorted()).toEqual(['m1', 'm2', 't1']);
  expect(chatRepository(database).thread('t1')?.modelId).toBeNull();
  feed.close();
  database.close();
});

test('a transaction that throws saves nothing of itself', () => {
  const database = openDatabase(':memory:');
  const settings = settingsRepository(database);
  expect(() =>
    database.write(() => {
      settings.put({ a: 1 });
      throw new Error('no');
    }),
  ).toThrow('no');
  expect(settings.all()).toEqual({});
  database.close();
});
