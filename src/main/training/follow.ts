import type { Job } from '#contract/jobs.ts';
import type { LogEntry, TrainingEvent, TrainingRun } from '#contract/training.ts';
import { streamOf } from '../changes.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { RunStore } from './store.ts';

export type TrainJob = Job & { readonly spec: Extract<Job['spec'], { kind: 'train' }> };

export const isTrainJob = (job: Job): job is TrainJob => job.spec.kind === 'train';

/** How often the files of a run at work in another process are looked at. */
const POLL_MS = 1000;

interface FollowOptions {
  readonly runs: RunStore;
  readonly jobs: Pick<JobQueue, 'changes' | 'isOurs'>;
  readonly runOf: (runId: string) => Promise<TrainingRun>;
  readonly isActive: (run: TrainingRun) => boolean;
}

type Seen = { readonly key: string; readonly event: Exclude<TrainingEvent, { type: 'run' }> | null };

const isRun: Seen = { key: 'run', event: null };

/**
 * What a run tells and what becomes of its job, until it is at work no longer. One of this process tells it itself; of one that works in
 * another (the command line), its files tell.
 */
export async function* followRun(
  { runs, jobs, runOf, isActive }: FollowOptions,
  runId: string,
  signal: AbortSignal,
): AsyncGenerator<TrainingEvent> {
  const left = new AbortController();
  const either = AbortSignal.any([signal, left.signal]);
  let isElsewhere = false;
  const known = { log: stepOf(await runs.log(runId)), samples: (await runs.samples(runId)).length };
  const look = async (listener: (seen: Seen) => void): Promise<void> => {
    const [log, samples] = await Promise.all([runs.log(runId), runs.samples(runId)]);
    // A run that goes on has forgotten the steps after its checkpoint.
    if (stepOf(log) < known.log) known.log = 0;
    if (samples.length < known.samples) known.samples = 0;
    const news: Seen[] = [
      ...log.filter(({ step }) => step > known.log).map((entry) => seenOf({ type: 'log', entry })),
      ...samples.slice(known.samples).map((sample) => seenOf({ type: 'sample', sample })),
    ];
    known.log = stepOf(log);
    known.samples = samples.length;
    for (const each of news) listener(each);
    if (news.length > 0) listener(isRun);
  };
  const subscribe = (listener: (seen: Seen) => void): (() => void) => {
    const leave = runs.subscribe(({ runId: id, news }) => {
      if (id === runId) listener(news.type === 'changed' ? isRun : seenOf(news));
    });
    let state: string | undefined;
    void (async () => {
      for await (const change of jobs.changes(either))
        if (change.type === 'changed' && isTrainJob(change.job) && change.job.spec.runId === runId && change.job.state !== state) {
          ({ state } = change.job);
          listener(isRun);
        }
    })();
    const timer = setInterval(() => {
      if (isElsewhere) void look(listener).catch(() => undefined);
    }, POLL_MS).unref();
    return () => {
      clearInterval(timer);
      leave();
    };
  };
  try {
    for await (const { event } of streamOf(subscribe, { signal: either, key: ({ key }) => key, first: [isRun] })) {
      if (event !== null) yield event;
      if (event !== null && event.type !== 'checkpoint') continue;
      const run = await runOf(runId);
      isElsewhere = isActive(run) && run.jobId !== null && !jobs.isOurs(run.jobId);
      yield { type: 'run', run };
      if (!isActive(run)) return;
    }
  } finally {
    left.abort();
  }
}

const stepOf = (log: readonly LogEntry[]): number => log.at(-1)?.step ?? 0;

const seenOf = (event: Exclude<TrainingEvent, { type: 'run' }>): Seen => {
  if (event.type === 'log') return { key: `log ${event.entry.step}`, event };
  if (event.type === 'sample') return { key: `sample ${event.sample.step} ${event.sample.prompt}`, event };
  return { key: `checkpoint ${event.checkpoint.step}`, event };
};
