import { setTimeout as delay } from 'node:timers/promises';
import { AppError, toErrorData } from '#core/errors/index.ts';
import type { BenchmarkCell, CellResult } from '#contract/benchmark.ts';
import type { BenchmarkRepository, SavedRun } from '../db/benchmarks.ts';
import { makeFolder } from '../jobs/output.ts';
import type { JobContext, JobRunner, WorkReport } from '../jobs/runner.ts';
import type { RemoteEngines } from '../remote/index.ts';
import { measureLocal, type MeasureServices } from './measure.ts';
import { measureRemote } from './remote.ts';
import { targetText } from './text.ts';

interface BenchmarkOptions extends MeasureServices {
  readonly benchmarks: BenchmarkRepository;
  readonly remote: Pick<RemoteEngines, 'target'>;
  readonly clock: () => number;
}

/** Carry a run out, cell by cell. Each is saved when it is finished; one that fails says why, and the next one is measured. */
export function benchmarkRunner(services: BenchmarkOptions): JobRunner<'benchmark'> {
  const { benchmarks, engines, clock } = services;
  const runOf = (runId: string): SavedRun => {
    const run = benchmarks.get(runId);
    if (run === undefined) throw new AppError('benchmark.unknownRun', {});
    return run;
  };

  const measure = async (run: SavedRun, cell: BenchmarkCell, context: JobContext): Promise<CellResult> => {
    const target = run.request?.targets[cell.target];
    if (run.request === null || target === undefined) throw new AppError('benchmark.unknownRun', {});
    if (target.kind === 'remote') return measureRemote(services.remote, target, cell.task, run.request, context);
    try {
      return await measureLocal(services, target, cell.task, run.request, context);
    } catch (error) {
      // Cells that crash the engine must not take the next ones with them.
      if (!(error instanceof AppError) || error.code !== 'engine.unstable') throw error;
      await delay(Number(error.params['retryMs']), undefined, { signal: context.signal });
      return measureLocal(services, target, cell.task, run.request, context);
    }
  };

  /** A driver that crashes costs what would be told of the computer, not the run. */
  const describeComputer = async (runId: string, signal: AbortSignal): Promise<void> => {
    try {
      const { benchmark } = await engines.benchmark();
      benchmarks.setEnvironment(runId, await benchmark.environment({}, { signal }));
    } catch (error) {
      if (signal.aborted) throw error;
    }
    // It has tried the drivers, and keeps what they hold: measurements get a process without.
    await engines.restart('benchmark');
  };

  return {
    lane: 'cpu',
    check: async ({ runId }) => void runOf(runId),
    run: async ({ runId }, context) => {
      const { signal } = context;
      benchmarks.reset(runId, false);
      await makeFolder(context.scratchFolder);
      if (runOf(runId).environment === null) await describeComputer(runId, signal);
      const run = runOf(runId);
      const cells = benchmarks.cells(runId);
      const total = cells.length;
      let finished = cells.filter(({ state }) => state !== 'waiting').length;
      for (const cell of cells.filter(({ state }) => state === 'waiting')) {
        signal.throwIfAborted();
        const tell = (share: number): void =>
          context.progress({
            phase: 'benchmark.measuring',
            detail: targetText(run.targets[cell.target]),
            amount: Math.floor((finished + share) * 10) / 10,
            total,
            unit: 'cells',
          });
        tell(0);
        benchmarks.beginCell(cell.id);
        const startMs = clock();
        const inner = ({ amount, total: all }: WorkReport): void => tell(all > 0 ? Math.min(1, amount / all) : 0);
        const ended = await measure(run, cell, { ...context, progress: inner }).then(
          (result) => ({ result }),
          (error: unknown) => {
            // Told to stop: it is to be measured again.
            if (signal.aborted) throw error;
            return { error: toErrorData(error) };
          },
        );
        benchmarks.endCell(cell.id, ended, clock(), clock() - startMs);
        finished += 1;
        tell(0);
      }
      const { done, failed } = benchmarks.counts(runId);
      return { result: { kind: 'benchmark', runId, done, failed } };
    },
    canGoOn: async ({ runId }) => benchmarks.get(runId) !== undefined,
    // Finished cells are results, and stay until the run is removed by hand.
    cleanUp: async () => undefined,
  };
}
