import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { canBecome, isActive } from '#core/jobs/state.ts';
import { AppError, toErrorData } from '#core/errors/index.ts';
import type { Job, JobSpec } from '#contract/jobs.ts';
import { listeners, streamOf } from '../changes.ts';
import type { ChangeFeed } from '../db/feed.ts';
import type { JobEnd, JobOwner, JobRepository, SavedJob } from '../db/jobs.ts';
import type { Database } from '../db/open.ts';
import { newId } from '../ids.ts';
import { resolveUserPath } from '../library/paths.ts';
import type { Log } from '../log.ts';
import { LiveProgress } from './live-progress.ts';
import { isAlive, processStart } from './owner.ts';
import { Paused, type JobKind, type JobRunner, type JobRunners } from './runner.ts';

export type JobEvent = { readonly type: 'changed'; readonly job: Job } | { readonly type: 'removed'; readonly jobId: string };

export interface JobQueueOptions {
  readonly database: Database;
  readonly repository: JobRepository;
  readonly feed: ChangeFeed;
  readonly runners: JobRunners;
  /** Each job has a folder in it while it runs. */
  readonly scratchFolder: string;
  readonly log: Log;
  readonly clock: () => number;
}

/** A job of this process that is at work. */
interface Running {
  readonly abort: AbortController;
  readonly live: LiveProgress;
  /** Why it was told to stop, if it was. */
  verdict: 'cancelled' | 'interrupted' | undefined;
  readonly ended: Promise<void>;
}

/** Jobs at a time. Each takes all cores, and memory for a model's tensors: two at once would gain nothing and need twice as much. */
const LANES = { cpu: 1, gpu: 1 } as const;

/** How often jobs of other processes are asked after. */
const REAP_EVERY_MS = 5000;

/** An engine that does not let go is ended together with the program. */
const CLOSE_LIMIT_MS = 5000;

export type JobQueue = ReturnType<typeof createJobQueue>;

/**
 * Long work, one job after another in each lane. A job belongs to the process that started it; others see it, and can ask
 * for its end.
 */
export function createJobQueue({ database, repository, feed, runners, scratchFolder, log, clock }: JobQueueOptions) {
  const running = new Map<string, Running>();
  /** Jobs of this process that wait, in order; and when an interrupted run of theirs began. */
  const waiting = new Map<string, { readonly earlierRunMs: number | null }>();
  const changes = listeners<JobEvent>();
  let closing = false;
  let owner: Promise<JobOwner> | undefined;

  const self = (): Promise<JobOwner> => (owner ??= processStart(process.pid).then((started) => ({ pid: process.pid, started })));
  const isOurs = (id: string): boolean => running.has(id) || waiting.has(id);
  const runnerOf = <K extends JobKind>(spec: JobSpec & { readonly kind: K }): JobRunner<K> => runners[spec.kind];

  const saved = (id: string): SavedJob => {
    const found = repository.get(id);
    if (found === undefined) throw new AppError('jobs.unknown', {});
    return found;
  };
  /** A job with its progress of this moment, which the database learns only now and then. */
  const present = ({ job }: SavedJob): Job => ({ ...job, ...running.get(job.id)?.live.current });
  const get = (id: string): Job => present(saved(id));

  const tell = (id: string): void => {
    const found = repository.get(id);
    changes.emit(found === undefined ? { type: 'removed', jobId: id } : { type: 'changed', job: present(found) });
    if (found?.cancelRequested === true && isOurs(id)) stop(id, 'cancelled');
  };
  const leaveFeed = feed.subscribe('job', tell);

  const stop = (id: string, verdict: 'cancelled' | 'interrupted'): void => {
    const work = running.get(id);
    if (work !== undefined) {
      work.verdict ??= verdict;
      work.abort.abort();
    } else if (waiting.delete(id)) {
      // It did not begin, or not again.
      const { job, isKept } = saved(id);
      repository.end(id, verdict, { resumable: isKept && verdict === 'interrupted' }, clock());
      if (isKept && verdict === 'cancelled') void discard(job.spec);
    }
  };

  const scratchOf = (id: string): string => join(scratchFolder, id);

  /** Remove what a job left. */
  const discard = async (spec: JobSpec): Promise<void> => {
    await runnerOf(spec)
      .cleanUp(spec)
      .catch((error: unknown) => log.write('warn', 'jobs', `${spec.kind}: what it left could not be removed: ${String(error)}`));
  };

  const canGoOn = (spec: JobSpec): Promise<boolean> =>
    runnerOf(spec)
      .canGoOn(spec)
      .catch(() => false);

  const removeScratch = (id: string): Promise<void> =>
    rm(scratchOf(id), { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }).catch((error: unknown) =>
      log.write('warn', 'jobs', `the working files of ${id} could not be removed: ${String(error)}`),
    );

  /** Remove what a run left, but for what another run can go on from. Returns whether there is such. */
  const tidy = async (id: string, spec: JobSpec): Promise<boolean> => {
    await removeScratch(id);
    const goesOn = await canGoOn(spec);
    if (!goesOn) await discard(spec);
    return goesOn;
  };

  const pump = (): void => {
    for (const [id, { earlierRunMs }] of waiting) {
      if (closing) return;
      const found = repository.get(id);
      if (found === undefined || found.job.state !== 'queued') {
        waiting.delete(id);
        continue;
      }
      const { lane, spec } = found.job;
      const busy = [...running.keys()].filter((other) => repository.get(other)?.job.lane === lane).length;
      if (busy >= LANES[lane]) continue;
      waiting.delete(id);
      begin(id, spec, earlierRunMs);
    }
  };

  const begin = (id: string, spec: JobSpec, earlierRunMs: number | null): void => {
    const abort = new AbortController();
    const live = new LiveProgress({ clock, show: () => tell(id), save: (progress) => repository.setProgress(id, progress) });
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const work: Running = { abort, live, verdict: undefined, ended };
    running.set(id, work);
    repository.begin(id, clock(), 'outputPath' in spec ? spec.outputPath : null);
    log.write('info', 'jobs', `${spec.kind} ${id} begins`);
    void execute(id, spec, work, earlierRunMs)
      .catch((error: unknown) => log.write('error', 'jobs', `${spec.kind} ${id}: its end could not be saved: ${String(error)}`))
      .finally(() => {
        running.delete(id);
        resolve();
        pump();
      });
  };

  const execute = async (id: string, spec: JobSpec, work: Running, earlierRunMs: number | null): Promise<void> => {
    const runner = runnerOf(spec);
    const finish = (state: 'done' | 'failed' | 'cancelled' | 'interrupted', outcome: JobEnd): void => {
      work.live.stop();
      running.delete(id);
      // Forgotten meanwhile by hand: there is nothing left to write.
      if (repository.get(id) !== undefined) repository.end(id, state, outcome, clock());
      log.write(state === 'failed' ? 'warn' : 'info', 'jobs', `${spec.kind} ${id} ${state}`);
    };
    let hasBegun = false;
    try {
      await runner.check(spec, { jobId: id, again: earlierRunMs !== null });
      hasBegun = true;
      const { result, record } = await runner.run(spec, {
        signal: work.abort.signal,
        progress: (report) => work.live.report(report),
        earlierRunMs,
        scratchFolder: scratchOf(id),
      });
      await removeScratch(id);
      // The job's end and what it made are seen together or not at all.
      database.write(() => {
        record?.();
        finish('done', { result });
      });
    } catch (error) {
      const kept = repository.get(id)?.isKept ?? false;
      // Before its own run, what lies there is an earlier run's or another's.
      const resumable = hasBegun ? await tidy(id, spec) : kept;
      const { verdict } = work;
      if (verdict === 'cancelled' && resumable) await discard(spec);
      if (verdict === undefined && error instanceof Paused) finish('interrupted', { resumable });
      else if (verdict === undefined) finish('failed', { error: toErrorData(error), resumable });
      else finish(verdict, { resumable: resumable && verdict === 'interrupted' });
    }
  };

  /** Jobs whose process is gone are interrupted; what they left half done is removed. Those of living processes are left alone. */
  const reap = async (): Promise<void> => {
    for (const { job, owner: theirs, isKept } of repository.active()) {
      if (isOurs(job.id) || (await isAlive(theirs))) continue;
      // Asked again after the wait: another process may have done the same.
      const now = repository.get(job.id);
      if (now === undefined || !isActive(now.job.state) || isOurs(job.id)) continue;
      const resumable = job.state === 'running' ? await tidy(job.id, job.spec) : isKept;
      repository.end(job.id, 'interrupted', { resumable }, clock());
      log.write('warn', 'jobs', `${job.spec.kind} ${job.id} was interrupted: its process ended`);
    }
  };
  let reaping: Promise<void> | undefined;
  const reapOnce = (): Promise<void> =>
    (reaping ??= reap()
      .catch((error: unknown) => log.write('error', 'jobs', String(error)))
      .finally(() => (reaping = undefined)));
  const begun = reapOnce();
  const reaper = setInterval(() => {
    if (!closing && repository.active().some(({ job }) => !isOurs(job.id))) void reapOnce();
  }, REAP_EVERY_MS).unref();

  return {
    list: async (): Promise<Job[]> => {
      await begun;
      return repository.list().map(present);
    },
    get,
    start: async (asked: JobSpec): Promise<Job> => {
      const spec = 'outputPath' in asked ? { ...asked, outputPath: resolveUserPath(asked.outputPath) } : asked;
      const runner = runnerOf(spec);
      await runner.check(spec, { jobId: null, again: false });
      const id = newId();
      const mine = await self();
      repository.add({ id, spec, lane: runner.lane, createdMs: clock() }, mine);
      waiting.set(id, { earlierRunMs: null });
      pump();
      return get(id);
    },
    /** Ask for a job's end. A running one goes on until it has noticed. */
    cancel: (id: string): Job => {
      const { state } = saved(id).job;
      if (!isActive(state)) throw new AppError('jobs.wrongState', { state });
      if (isOurs(id)) stop(id, 'cancelled');
      else repository.requestCancel(id);
      return get(id);
    },
    resume: async (id: string): Promise<Job> => {
      await begun;
      const { job } = saved(id);
      if (!canBecome(job.state, 'queued')) throw new AppError('jobs.wrongState', { state: job.state });
      // One that was cancelled left nothing.
      const earlierRunMs = job.state === 'cancelled' ? null : job.startedMs;
      await runnerOf(job.spec).check(job.spec, { jobId: id, again: earlierRunMs !== null });
      const mine = await self();
      // Asked twice at once, or in two processes: the first one has it.
      const { state } = saved(id).job;
      if (!canBecome(state, 'queued')) throw new AppError('jobs.wrongState', { state });
      repository.queueAgain(id, mine);
      waiting.set(id, { earlierRunMs });
      pump();
      return get(id);
    },
    /** Forget an ended job, or all of them, and remove what is kept for going on. */
    clear: async (id?: string): Promise<void> => {
      const state = id === undefined ? undefined : saved(id).job.state;
      if (state !== undefined && isActive(state)) throw new AppError('jobs.wrongState', { state });
      const kept = repository.resumable().filter(({ job }) => id === undefined || job.id === id);
      if (id === undefined) repository.removeEnded();
      else repository.remove(id);
      for (const { job } of kept) await discard(job.spec);
    },
    changes: (signal: AbortSignal): AsyncIterable<JobEvent> =>
      streamOf(changes.add, { signal, key: (event) => (event.type === 'changed' ? event.job.id : event.jobId) }),
    /** One job until it has ended or was forgotten. */
    watch: async function* (id: string, signal: AbortSignal): AsyncGenerator<Job> {
      const isLast = (event: JobEvent): boolean => event.type === 'removed' || !isActive(event.job.state);
      const own = (listener: (event: JobEvent) => void): (() => void) =>
        changes.add((event) => {
          if ((event.type === 'changed' ? event.job.id : event.jobId) === id) listener(event);
        });
      const first: JobEvent = { type: 'changed', job: get(id) };
      for await (const event of streamOf(own, { signal, key: () => id, first: [first], isLast }))
        if (event.type === 'changed') yield event.job;
    },
    /** Whether a job is at work in this process, or waits in it. */
    isOurs,
    /** Whether this process works on anything. */
    isBusy: (): boolean => running.size > 0,
    /** Stop this process's jobs; they are interrupted, and can be started again. */
    close: async (): Promise<void> => {
      closing = true;
      clearInterval(reaper);
      await begun;
      const ends = [...running.values()].map(({ ended }) => ended);
      for (const id of [...waiting.keys(), ...running.keys()]) stop(id, 'interrupted');
      await Promise.race([Promise.all(ends), new Promise((resolve) => setTimeout(resolve, CLOSE_LIMIT_MS).unref())]);
      for (const id of running.keys()) repository.end(id, 'interrupted', { resumable: await canGoOn(saved(id).job.spec) }, clock());
      leaveFeed();
    },
  };
}
