import type { MemoryMeasurement } from '#contract/memory.ts';
import type { Database } from './open.ts';

interface Row {
  readonly id: string;
  readonly time_ms: number;
  readonly kind: MemoryMeasurement['kind'];
  readonly model_name: string;
  readonly device: string;
  readonly settings: string;
  readonly predicted_bytes: number;
  readonly measured_bytes: number;
}

const measurementOf = (row: Row): MemoryMeasurement => ({
  id: row.id,
  timeMs: row.time_ms,
  kind: row.kind,
  modelName: row.model_name,
  device: row.device,
  settings: JSON.parse(row.settings) as MemoryMeasurement['settings'],
  predictedBytes: row.predicted_bytes,
  measuredBytes: row.measured_bytes,
});

/** Older ones are of other versions and other drivers. */
const KEPT = 200;

export type MemoryRepository = ReturnType<typeof memoryRepository>;

/** What was predicted on a computer, and what was measured. A data folder may have been carried here from another one. */
export function memoryRepository(database: Database, computer: string) {
  const { connection } = database;
  const insert = connection.prepare(
    `INSERT INTO memory_measurements (id, time_ms, computer, kind, model_name, device, settings, predicted_bytes, measured_bytes)
     VALUES (@id, @timeMs, @computer, @kind, @modelName, @device, @settings, @predictedBytes, @measuredBytes)`,
  );
  const prune = connection.prepare(
    `DELETE FROM memory_measurements WHERE computer = @computer AND id NOT IN
     (SELECT id FROM memory_measurements WHERE computer = @computer ORDER BY time_ms DESC, rowid DESC LIMIT ${KEPT})`,
  );
  const list = connection.prepare<[string], Row>('SELECT * FROM memory_measurements WHERE computer = ? ORDER BY time_ms DESC, rowid DESC');
  const byId = connection.prepare<[string], Row>('SELECT * FROM memory_measurements WHERE id = ?');
  return {
    add: (measurement: MemoryMeasurement): void =>
      database.write(() => {
        insert.run({ ...measurement, computer, settings: JSON.stringify(measurement.settings) });
        prune.run({ computer });
      }),
    /** Newest first. */
    list: (): MemoryMeasurement[] => list.all(computer).map(measurementOf),
    get: (id: string): MemoryMeasurement | undefined => {
      const row = byId.get(id);
      return row === undefined ? undefined : measurementOf(row);
    },
  };
}
