import type { AppHandlers } from '#contract/index.ts';
import { AppError } from '#core/errors/index.ts';

/** Benchmarks of the program behind the page: none yet. */
export function benchmarkHandlers(): AppHandlers['benchmark'] {
  const unknown = (): never => {
    throw new AppError('benchmark.unknownRun', {});
  };
  return {
    plan: ({ targets }) => ({ cells: targets.length, estimateMs: targets.length * 20_000 }),
    start: unknown,
    runs: () => [],
    get: unknown,
    follow: unknown,
    cancel: unknown,
    resume: unknown,
    remove: unknown,
    export: unknown,
    import: unknown,
    history: () => [],
  };
}
