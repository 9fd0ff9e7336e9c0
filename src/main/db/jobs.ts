import type { Job } from '#contract/jobs.ts';
import type { AppErrorData } from '#core/errors/index.ts';
import { isActive } from '#core/jobs/state.ts';
import type { Database } from './open.ts';

export type JobProgress = Pick<Job, 'phase' | 'detail' | 'fraction' | 'done' | 'ratePerSecond' | 'remainingMs'>;

export const noProgress: JobProgress = { phase: null, detail: null, fraction: null, done: null, ratePerSecond: null, remainingMs: null };

/** The process that a job belongs to; `started` tells it from a later process with the same number. Null: not known. */
export interface JobOwner {
  readonly pid: number;
  readonly started: string | null;
}

/** A job, and what only main wants to know of it. */
export interface SavedJob {
  readonly job: Job;
  readonly owner: JobOwner;
  readonly cancelRequested: boolean;
  /** Something of an earlier run is kept for the next one, also while that waits or runs. */
  readonly isKept: boolean;
}

interface JobRow {
  readonly id: string;
  readonly spec: string;
  readonly lane: Job['lane'];
  readonly state: Job['state'];
  readonly progress: string | null;
  readonly result: string | null;
  readonly error: string | null;
  readonly owner_pid: number;
  readonly owner_started: string | null;
  readonly cancel_requested: number;
  readonly resumable: number;
  readonly created_ms: number;
  readonly started_ms: number | null;
  readonly finished_ms: number | null;
}

const parsed = <T>(json: string | null): T | null => (json === null ? null : (JSON.parse(json) as T));

const jobOf = (row: JobRow): SavedJob => ({
  job: {
    id: row.id,
    spec: JSON.parse(row.spec) as Job['spec'],
    lane: row.lane,
    state: row.state,
    ...(parsed<JobProgress>(row.progress) ?? noProgress),
    result: parsed(row.result),
    error: parsed(row.error),
    resumable: row.resumable === 1 && !isActive(row.state),
    createdMs: row.created_ms,
    startedMs: row.started_ms,
    finishedMs: row.finished_ms,
  },
  owner: { pid: row.owner_pid, started: row.owner_started },
  cancelRequested: row.cancel_requested === 1,
  isKept: row.resumable === 1,
});

/** How a job ended. */
export interface JobEnd {
  readonly result?: Job['result'];
  readonly error?: AppErrorData | null;
  /** What it left can be gone on from. */
  readonly resumable?: boolean;
}

/** Ended jobs that are kept; older ones are forgotten. */
const KEPT_JOBS = 500;

export type JobRepository = ReturnType<typeof jobRepository>;

export function jobRepository(database: Database) {
  const { connection } = database;
  const list = connection.prepare<[], JobRow>('SELECT * FROM jobs ORDER BY created_ms DESC, rowid DESC');
  const byId = connection.prepare<[string], JobRow>('SELECT * FROM jobs WHERE id = ?');
  const active = connection.prepare<[], JobRow>(`SELECT * FROM jobs WHERE state IN ('queued', 'running') ORDER BY created_ms, rowid`);
  const insert = connection.prepare(
    `INSERT INTO jobs (id, kind, spec, lane, state, owner_pid, owner_started, created_ms)
     VALUES (@id, @kind, @spec, @lane, 'queued', @pid, @started, @createdMs)`,
  );
  const prune = connection.prepare(
    `DELETE FROM jobs WHERE state NOT IN ('queued', 'running') AND NOT resumable
       AND id NOT IN (SELECT id FROM jobs ORDER BY created_ms DESC, rowid DESC LIMIT ?)`,
  );
  const queueAgain = connection.prepare(
    `UPDATE jobs SET state = 'queued', progress = NULL, result = NULL, error = NULL, cancel_requested = 0, owner_pid = @pid,
       owner_started = @started, started_ms = NULL, finished_ms = NULL WHERE id = @id`,
  );
  const begin = connection.prepare(`UPDATE jobs SET state = 'running', started_ms = ? WHERE id = ?`);
  const setProgress = connection.prepare('UPDATE jobs SET progress = ? WHERE id = ?');
  const end = connection.prepare(
    `UPDATE jobs SET state = @state, progress = NULL, result = @result, error = @error, resumable = @resumable, finished_ms = @finishedMs
     WHERE id = @id`,
  );
  const disown = connection.prepare(`UPDATE jobs SET resumable = 0 WHERE resumable AND id <> ? AND json_extract(spec, '$.outputPath') = ?`);
  const requestCancel = connection.prepare('UPDATE jobs SET cancel_requested = 1 WHERE id = ?');
  const clearOne = connection.prepare('DELETE FROM jobs WHERE id = ?');
  const clearEnded = connection.prepare(`DELETE FROM jobs WHERE state NOT IN ('queued', 'running')`);
  const resumable = connection.prepare<[], JobRow>(`SELECT * FROM jobs WHERE resumable AND state NOT IN ('queued', 'running')`);
  const usersOf = connection.prepare<[string], string>(
    // Whatever it is to the job: every field of a spec that holds an id is one of a model.
    `SELECT id FROM jobs WHERE state IN ('queued', 'running')
       AND EXISTS (SELECT 1 FROM json_tree(spec) AS field WHERE field.key LIKE '%Id' AND field.atom = ?)`,
  );

  return {
    /** Newest first. */
    list: (): SavedJob[] => list.all().map(jobOf),
    get: (id: string): SavedJob | undefined => {
      const row = byId.get(id);
      return row === undefined ? undefined : jobOf(row);
    },
    /** Queued and running ones of every process, oldest first. */
    active: (): SavedJob[] => active.all().map(jobOf),
    /** Whether an unfinished job works on a model or has any use for it. */
    isModelUsed: (modelId: string): boolean => usersOf.get(modelId) !== undefined,
    add: (job: Pick<Job, 'id' | 'spec' | 'lane' | 'createdMs'>, owner: JobOwner): void =>
      database.write(() => {
        const { id, spec, lane, createdMs } = job;
        insert.run({ id, kind: spec.kind, spec: JSON.stringify(spec), lane, createdMs, ...owner });
        prune.run(KEPT_JOBS);
      }),
    queueAgain: (id: string, owner: JobOwner): void => database.write(() => void queueAgain.run({ id, ...owner })),
    /** A job begins to write `outputPath`: what others have kept there is no longer theirs. */
    begin: (id: string, startedMs: number, outputPath: string | null): void =>
      database.write(() => {
        begin.run(startedMs, id);
        if (outputPath !== null) disown.run(id, outputPath);
      }),
    setProgress: (id: string, progress: JobProgress): void => database.write(() => void setProgress.run(JSON.stringify(progress), id)),
    end: (id: string, state: Job['state'], outcome: JobEnd, finishedMs: number): void =>
      database.write(() => {
        const json = (value: unknown): string | null => (value === null || value === undefined ? null : JSON.stringify(value));
        const { result, error, resumable = false } = outcome;
        end.run({ id, state, result: json(result), error: json(error), resumable: Number(resumable), finishedMs });
      }),
    requestCancel: (id: string): void => database.write(() => void requestCancel.run(id)),
    remove: (id: string): void => database.write(() => void clearOne.run(id)),
    removeEnded: (): void => database.write(() => void clearEnded.run()),
    /** Ended ones that have kept something for another run. */
    resumable: (): SavedJob[] => resumable.all().map(jobOf),
  };
}
