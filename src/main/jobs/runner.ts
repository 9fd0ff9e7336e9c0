import type { z } from 'zod';
import type { Job, jobResult, JobSpec } from '#contract/jobs.ts';
import type { workProgress } from '#contract/engine.ts';

export type JobResult = z.output<typeof jobResult>;
export type JobKind = JobSpec['kind'];
export type SpecOf<K extends JobKind> = Extract<JobSpec, { readonly kind: K }>;
export type WorkProgress = z.output<typeof workProgress>;

/** How far a work is, without saying that this is what it says. */
export type WorkReport = Omit<WorkProgress, 'type'>;

export interface JobContext {
  readonly signal: AbortSignal;
  /** How far the work is; as often as it likes. */
  readonly progress: (progress: WorkReport) => void;
  /** When an interrupted run of this job began: what it left may be taken over. Null on a first run. */
  readonly earlierRunMs: number | null;
  /** For whatever the run needs while it runs: not there yet, and removed after the run. */
  readonly scratchFolder: string;
}

export interface CheckContext {
  /** Null for a job that is not in the queue yet. */
  readonly jobId: string | null;
  /** An interrupted run of the job may have left its result. */
  readonly again: boolean;
}

export interface JobOutcome {
  readonly result: JobResult;
  /** Writes what the job made into the library, in the same transaction that ends the job. */
  readonly record?: () => void;
}

/** A run ended because it was asked to wait: it is interrupted, and can go on. */
export class Paused extends Error {}

/** What a kind of job does. Everything else about jobs is common to all kinds. */
export interface JobRunner<K extends JobKind> {
  readonly lane: Job['lane'];
  /** Throws what stands in the way: before the job is queued, and once more when its turn has come. */
  check(spec: SpecOf<K>, context: CheckContext): Promise<void>;
  /** Throws when the work fails or the signal aborts. */
  run(spec: SpecOf<K>, context: JobContext): Promise<JobOutcome>;
  /** Whether a run that did not come to its end left something that the next one can go on from. */
  canGoOn(spec: SpecOf<K>): Promise<boolean>;
  /** Remove what a run left that did not come to its end. */
  cleanUp(spec: SpecOf<K>): Promise<void>;
}

/** For a kind of job that leaves nothing behind. */
export const leavesNothing = { canGoOn: async () => false, cleanUp: async () => undefined } as const;

export type JobRunners = { readonly [K in JobKind]: JobRunner<K> };
