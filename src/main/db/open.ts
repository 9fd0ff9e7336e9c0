import BetterSqlite3 from 'better-sqlite3';
import { AppError } from '#core/errors/index.ts';
import { migrations } from './migrations.ts';

/** Another process of Lathe may be writing; it is done long before this. */
const BUSY_TIMEOUT_MS = 5000;

/** What SQLite's unixFullPathname and its `-journal` leave of MAX_PATHNAME, 512 bytes. */
const MAX_PATH_BYTES = 504;

/** The log of changes needs to reach back only as far as any running process may have missed: seconds. */
const KEPT_CHANGES = 10_000;

/** The library's database. All SQL stands in this folder. */
export interface Database {
  readonly connection: BetterSqlite3.Database;
  /** Run in one transaction: all of it is saved, or nothing. Calls may be nested. Throws `disk.*` and `db.*` for what SQLite says. */
  write<T>(work: () => T): T;
  /** Called after every transaction of this process. */
  onWrite: () => void;
  close(): void;
}

/**
 * Open a database and bring it to the present version. `:memory:` is a new one.
 * Throws `db.newer` and `db.corrupt`, having changed nothing, `db.busy`, `db.pathTooLong`, and `disk.*`.
 */
export function openDatabase(path: string, history: readonly string[] = migrations): Database {
  let connection: BetterSqlite3.Database | undefined;
  try {
    connection = new BetterSqlite3(path, { timeout: BUSY_TIMEOUT_MS });
    // Before anything that writes: a file that is not ours to change stays as it is.
    const found = versionOf(connection);
    if (found > history.length) throw new AppError('db.newer', { path, found, known: history.length });
    if (connection.pragma('quick_check(1)', { simple: true }) !== 'ok') throw new AppError('db.corrupt', { path });
    connection.pragma('journal_mode = WAL');
    // In WAL mode this loses nothing when the program dies; after a power cut at most the last transactions, never the whole.
    connection.pragma('synchronous = NORMAL');
    connection.pragma('foreign_keys = ON');
    migrate(connection, history);
    connection.prepare('DELETE FROM changes WHERE number <= (SELECT max(number) FROM changes) - ?').run(KEPT_CHANGES);
    return databaseOver(connection, path);
  } catch (error) {
    connection?.close();
    throw sqliteError(error, path);
  }
}

function databaseOver(connection: BetterSqlite3.Database, path: string): Database {
  const database: Database = {
    connection,
    write: (work) => {
      try {
        // Immediate: a transaction that reads first and writes later could fail in between.
        return connection.inTransaction ? work() : connection.transaction(work).immediate();
      } catch (error) {
        throw sqliteError(error, path);
      } finally {
        if (!connection.inTransaction) database.onWrite();
      }
    },
    onWrite: () => undefined,
    close: () => void connection.close(),
  };
  return database;
}

const versionOf = (connection: BetterSqlite3.Database): number => Number(connection.pragma('user_version', { simple: true }));

function migrate(connection: BetterSqlite3.Database, history: readonly string[]): void {
  for (;;) {
    const step = connection.transaction((): boolean => {
      // Asked anew within the transaction: another process may be doing the same.
      const version = versionOf(connection);
      const migration = history[version];
      if (migration === undefined) return false;
      connection.exec(migration);
      connection.pragma(`user_version = ${version + 1}`);
      return true;
    });
    if (!step.immediate()) return;
  }
}

/** What SQLite says, as an error of ours; any other error as it is. */
function sqliteError(error: unknown, path: string): unknown {
  if (!(error instanceof BetterSqlite3.SqliteError)) return error;
  const code = error.code.split('_', 2).join('_');
  switch (code) {
    case 'SQLITE_CORRUPT':
    case 'SQLITE_NOTADB':
      return new AppError('db.corrupt', { path }, error.message);
    case 'SQLITE_BUSY':
    case 'SQLITE_LOCKED':
      return new AppError('db.busy', { path }, error.message);
    case 'SQLITE_FULL':
      return new AppError('disk.full', { path }, error.message);
    case 'SQLITE_CANTOPEN': {
      const pathBytes = Buffer.byteLength(path);
      if (pathBytes > MAX_PATH_BYTES) return new AppError('db.pathTooLong', { path, pathBytes, maxBytes: MAX_PATH_BYTES }, error.message);
      return new AppError('disk.notAllowed', { path }, error.message);
    }
    case 'SQLITE_READONLY':
    case 'SQLITE_PERM':
      return new AppError('disk.notAllowed', { path }, error.message);
    case 'SQLITE_IOERR':
      return new AppError('disk.failed', { path, code: error.code }, error.message);
    default:
      return error;
  }
}
