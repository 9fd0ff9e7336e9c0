import { planCells, type Sweep } from '#core/benchmark/sweep.ts';
import { AppError } from '#core/errors/index.ts';
import type { BenchmarkCell, BenchmarkRequest, CellTask } from '#contract/benchmark.ts';
import { newId } from '../ids.ts';

/** What a cell measures, and of which target. */
export type PlannedCell = Pick<BenchmarkCell, 'target' | 'task'>;

/**
 * The cells of a run, target by target: speed first, which tells most and needs least. What a server decides itself is not swept with it, and
 * it gives no probabilities of a text. Throws `benchmark.nothing`, `benchmark.tooManyCells`.
 */
export function cellsOf({ targets, preset, sweep, speed, quality, questionsPath, prompts }: BenchmarkRequest): readonly PlannedCell[] {
  const planned = speed ? planCells([...targets.keys()], preset, definedSweep(sweep)) : [];
  const cells = targets.flatMap((target, place): PlannedCell[] => {
    const tasks: CellTask[] = planned
      .filter(({ model }) => model === place)
      .map(({ settings }) => ({ kind: 'speed', settings: { ...settings } }));
    const isLocal = target.kind === 'local';
    return [
      ...(isLocal
        ? tasks
        : distinctBy(tasks, (task) =>
            task.kind === 'speed' ? [task.settings.promptTokens, task.settings.newTokens, task.settings.context] : 0,
          )),
      ...(quality !== null && isLocal ? [{ kind: 'quality' as const }] : []),
      ...(questionsPath !== null && isLocal ? [{ kind: 'questions' as const }] : []),
      ...(prompts === null ? [] : [{ kind: 'prompts' as const }]),
    ].map((task) => ({ target: place, task }));
  });
  if (cells.length === 0) throw new AppError('benchmark.nothing', {});
  return cells;
}

export const newCells = (planned: readonly PlannedCell[]): BenchmarkCell[] =>
  planned.map((cell, position) => ({
    ...cell,
    id: newId(),
    position,
    state: 'waiting',
    result: null,
    error: null,
    madeMs: null,
    durationMs: null,
  }));

function definedSweep(sweep: BenchmarkRequest['sweep']): Sweep {
  return Object.fromEntries(Object.entries(sweep).filter(([, values]) => values !== undefined)) as Sweep;
}

function distinctBy<T>(values: readonly T[], key: (value: T) => unknown): T[] {
  const seen = new Map<string, T>();
  for (const value of values) {
    const name = JSON.stringify(key(value));
    if (!seen.has(name)) seen.set(name, value);
  }
  return [...seen.values()];
}
