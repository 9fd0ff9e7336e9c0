import type { BenchmarkEvent } from '#contract/benchmark.ts';
import { upsert } from '../../live.ts';
import { keyOf, patch, queryClient, useStream } from '../../queries.ts';

/** Keeps what is known of a run right while it is at work. It shows nothing, and is there only as long. */
export function RunFollower({ runId }: { readonly runId: string }) {
  const receive = (event: BenchmarkEvent): void => {
    if (event.type === 'run') {
      patch('benchmark.get', { runId }, ({ cells }) => ({ run: event.run, cells }));
      patch('benchmark.runs', {}, (runs) => upsert(runs, event.run));
      return;
    }
    const { cell } = event;
    patch('benchmark.get', { runId }, ({ run, cells }) => ({ run, cells: cells.map((each) => (each.id === cell.id ? cell : each)) }));
  };
  // What was missed while the connection was lost is asked for again.
  useStream(
    'benchmark.follow',
    { runId },
    receive,
    () => void queryClient.invalidateQueries({ queryKey: keyOf('benchmark.get', { runId }) }),
  );
  return null;
}
