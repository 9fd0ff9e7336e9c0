import type { BenchmarkCell, BenchmarkEnvironment, BenchmarkRequest, CellResult, CellTask, MeasuredTarget } from '#contract/benchmark.ts';
import type { PresetName } from '#core/benchmark/sweep.ts';
import type { AppErrorData } from '#core/errors/index.ts';
import type { Database } from './open.ts';

/** A run as it is saved: without what its job and its cells tell. */
export interface SavedRun {
  readonly id: string;
  readonly name: string;
  readonly preset: PresetName;
  readonly request: BenchmarkRequest | null;
  /** Their `modelId` is what the library had when the run began. */
  readonly targets: readonly MeasuredTarget[];
  readonly base: { readonly modelId: string | null; readonly name: string } | null;
  readonly environment: BenchmarkEnvironment | null;
  readonly isImported: boolean;
  readonly jobId: string | null;
  readonly createdMs: number;
}

interface RunRow {
  readonly id: string;
  readonly name: string;
  readonly preset: PresetName;
  readonly request: string | null;
  readonly targets: string;
  readonly base: string | null;
  readonly environment: string | null;
  readonly imported: number;
  readonly job_id: string | null;
  readonly created_ms: number;
}

interface CellRow {
  readonly id: string;
  readonly run_id: string;
  readonly position: number;
  readonly target: number;
  readonly task: string;
  readonly state: BenchmarkCell['state'];
  readonly result: string | null;
  readonly error: string | null;
  readonly made_ms: number | null;
  readonly duration_ms: number | null;
}

const parsed = <T>(json: string | null): T | null => (json === null ? null : (JSON.parse(json) as T));
const written = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));

const runOf = (row: RunRow): SavedRun => ({
  id: row.id,
  name: row.name,
  preset: row.preset,
  request: parsed(row.request),
  targets: JSON.parse(row.targets) as MeasuredTarget[],
  base: parsed(row.base),
  environment: parsed(row.environment),
  isImported: row.imported === 1,
  jobId: row.job_id,
  createdMs: row.created_ms,
});

const cellOf = (row: CellRow): BenchmarkCell => ({
  id: row.id,
  position: row.position,
  target: row.target,
  task: JSON.parse(row.task) as CellTask,
  state: row.state,
  result: parsed(row.result),
  error: parsed(row.error),
  madeMs: row.made_ms,
  durationMs: row.duration_ms,
});

/** Cells that a model's history goes back to. */
const HISTORY = 500;

export type BenchmarkRepository = ReturnType<typeof benchmarkRepository>;

/** Runs and their cells. */
export function benchmarkRepository(database: Database) {
  const { connection } = database;
  const insert = connection.prepare(
    `INSERT INTO benchmark_runs (id, name, preset, request, targets, base, environment, imported, job_id, created_ms)
     VALUES (@id, @name, @preset, @request, @targets, @base, @environment, @imported, @jobId, @createdMs)`,
  );
  const insertCell = connection.prepare(
    `INSERT INTO benchmark_cells (id, run_id, position, target, model_id, task, state, result, error, made_ms, duration_ms)
     VALUES (@id, @runId, @position, @target, (SELECT id FROM models WHERE id = @modelId), @task, @state, @result, @error, @madeMs, @durationMs)`,
  );
  const list = connection.prepare<{ modelId: string | null }, RunRow>(
    `SELECT * FROM benchmark_runs
     WHERE @modelId IS NULL OR id IN (SELECT run_id FROM benchmark_cells WHERE model_id = @modelId)
     ORDER BY created_ms DESC, rowid DESC`,
  );
  const byId = connection.prepare<[string], RunRow>('SELECT * FROM benchmark_runs WHERE id = ?');
  const cells = connection.prepare<[string], CellRow>('SELECT * FROM benchmark_cells WHERE run_id = ? ORDER BY position');
  const counts = connection.prepare<[string], { total: number; done: number; failed: number }>(
    `SELECT count(*) AS total, count(CASE state WHEN 'done' THEN 1 END) AS done, count(CASE state WHEN 'failed' THEN 1 END) AS failed
     FROM benchmark_cells WHERE run_id = ?`,
  );
  const setJob = connection.prepare('UPDATE benchmark_runs SET job_id = ? WHERE id = ?');
  const setEnvironment = connection.prepare('UPDATE benchmark_runs SET environment = ? WHERE id = ?');
  const begin = connection.prepare(`UPDATE benchmark_cells SET state = 'running', error = NULL WHERE id = ?`);
  const end = connection.prepare(
    `UPDATE benchmark_cells SET state = @state, result = @result, error = @error, made_ms = @madeMs, duration_ms = @durationMs WHERE id = @id`,
  );
  const reset = connection.prepare(
    `UPDATE benchmark_cells SET state = 'waiting', error = NULL
     WHERE run_id = @runId AND (state = 'running' OR (state = 'failed' AND @again = 1))`,
  );
  const remove = connection.prepare('DELETE FROM benchmark_runs WHERE id = ?');
  const history = connection.prepare<[string, number], CellRow>(
    `SELECT * FROM benchmark_cells WHERE model_id = ? AND state = 'done' ORDER BY made_ms DESC, rowid DESC LIMIT ?`,
  );

  return {
    add: (run: SavedRun, newCells: readonly BenchmarkCell[]): void =>
      database.write(() => {
        const { request, targets, base, environment, isImported, ...rest } = run;
        insert.run({
          ...rest,
          request: written(request),
          targets: JSON.stringify(targets),
          base: written(base),
          environment: written(environment),
          imported: isImported ? 1 : 0,
        });
        for (const { task, result, error, ...cell } of newCells)
          insertCell.run({
            ...cell,
            runId: run.id,
            modelId: targets[cell.target]?.modelId ?? null,
            task: JSON.stringify(task),
            result: written(result),
            error: written(error),
          });
      }),
    /** Newest first; with a model among what they measured, or all. */
    list: (modelId?: string): SavedRun[] => list.all({ modelId: modelId ?? null }).map(runOf),
    get: (id: string): SavedRun | undefined => {
      const row = byId.get(id);
      return row === undefined ? undefined : runOf(row);
    },
    cells: (runId: string): BenchmarkCell[] => cells.all(runId).map(cellOf),
    counts: (runId: string) => counts.get(runId) ?? { total: 0, done: 0, failed: 0 },
    setJob: (runId: string, jobId: string): void => database.write(() => void setJob.run(jobId, runId)),
    setEnvironment: (runId: string, environment: BenchmarkEnvironment): void =>
      database.write(() => void setEnvironment.run(JSON.stringify(environment), runId)),
    beginCell: (id: string): void => database.write(() => void begin.run(id)),
    endCell: (id: string, ended: { result: CellResult } | { error: AppErrorData }, madeMs: number, durationMs: number): void =>
      database.write(
        () =>
          void end.run({
            id,
            state: 'result' in ended ? 'done' : 'failed',
            result: 'result' in ended ? JSON.stringify(ended.result) : null,
            error: 'error' in ended ? JSON.stringify(ended.error) : null,
            madeMs,
            durationMs,
          }),
      ),
    /** Cells that were at work are to be measured again; failed ones too, where they are wanted. */
    reset: (runId: string, again: boolean): void => database.write(() => void reset.run({ runId, again: again ? 1 : 0 })),
    remove: (runId: string): void => database.write(() => void remove.run(runId)),
    /** What was measured of a model, newest first. */
    history: (modelId: string): { runId: string; cell: BenchmarkCell }[] =>
      history.all(modelId, HISTORY).map((row) => ({ runId: row.run_id, cell: cellOf(row) })),
  };
}
