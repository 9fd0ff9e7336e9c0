import { useState } from 'react';
import type { LogEntry, TrainingComparison, TrainingEvent, TrainingRun } from '#contract/training.ts';
import type { Output } from '../../api.ts';
import { useCall, useStream } from '../../queries.ts';

type Sample = Output<'training.get'>['samples'][number];

interface Watched {
  readonly run: TrainingRun;
  readonly log: readonly LogEntry[];
  readonly samples: readonly Sample[];
  readonly comparison: TrainingComparison | null;
}

/** Entries by step, each once: what was missed is asked for, and may have come in the meantime as well. */
export const mergedLog = (known: readonly LogEntry[], more: readonly LogEntry[]): LogEntry[] =>
  [...new Map([...known, ...more].map((entry) => [entry.step, entry])).values()].sort((left, right) => left.step - right.step);

/** A run as it goes on: what it was when it was asked for, and all that came since. */
export function useRun(runId: string) {
  const asked = useCall('training.get', { runId });
  const [news, setNews] = useState<{
    readonly run: TrainingRun | null;
    readonly log: readonly LogEntry[];
    readonly samples: readonly Sample[];
  }>({
    run: null,
    log: [],
    samples: [],
  });
  const receive = (event: TrainingEvent): void =>
    setNews((before) => {
      switch (event.type) {
        case 'run':
          return { ...before, run: event.run };
        case 'log':
          return { ...before, log: [...before.log, event.entry] };
        case 'sample':
          return { ...before, samples: [...before.samples, event.sample] };
        case 'checkpoint':
          return before.run === null
            ? before
            : { ...before, run: { ...before.run, checkpoints: [...before.run.checkpoints, event.checkpoint] } };
      }
    });
  // What was missed while the connection was lost is asked for again.
  useStream('training.follow', { runId }, receive, () => void asked.refetch());
  const { data } = asked;
  const watched: Watched | undefined =
    data === undefined
      ? undefined
      : {
          run: news.run ?? data.run,
          comparison: data.comparison,
          log: mergedLog(data.log, news.log),
          samples: [...new Map([...data.samples, ...news.samples].map((sample) => [`${sample.step} ${sample.prompt}`, sample])).values()],
        };
  return { asked, watched };
}
