import { formatBytes, formatDuration } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';
import type { Job, JobSpec } from '#contract/jobs.ts';
import type { CommandContext } from './command.ts';

type ResultOf<K extends JobSpec['kind']> = Extract<Job['result'], { readonly kind: K }>;

/** Cancelling is asked once; the job ends when its engine has noticed, or is ended by force. */
const CANCEL_LIMIT_MS = 15_000;

/**
 * Start a job and stay with it to its end. Ctrl+C cancels it and waits until it has cleaned up. Throws the job's own
 * error, or `request.cancelled`.
 */
export async function runJob<S extends JobSpec>(context: CommandContext, spec: S): Promise<ResultOf<S['kind']>> {
  const client = await context.client();
  const { id: jobId } = await client.jobs.start({ spec });
  const limit = new AbortController();
  const cancel = (): void => {
    context.progress('cancelling…');
    client.jobs.cancel({ jobId }).catch(() => undefined);
    setTimeout(() => limit.abort(), CANCEL_LIMIT_MS).unref();
  };
  context.signal.addEventListener('abort', cancel, { once: true });
  if (context.signal.aborted) cancel();
  let last: Job | undefined;
  try {
    for await (const job of client.jobs.watch({ jobId }, { signal: limit.signal })) {
      last = job;
      if (!context.signal.aborted) context.progress(describe(job));
    }
  } finally {
    context.signal.removeEventListener('abort', cancel);
    context.progress('');
  }
  if (last?.error) throw AppError.from(last.error);
  if (last?.state !== 'done' || last.result === null) throw new AppError('request.cancelled', {});
  return last.result as ResultOf<S['kind']>;
}

/** A job's state in one line: `quantize.writing  blk.3.ffn_up.weight  42 %  120 MiB/s  3 s left`. */
export function describe(job: Job): string {
  const rate = job.ratePerSecond === null || job.done === null ? null : rateText(job.ratePerSecond, job.done.unit);
  return [
    job.phase ?? job.state,
    job.detail,
    job.fraction === null ? null : `${Math.floor(job.fraction * 100)} %`,
    rate,
    job.remainingMs === null ? null : `${formatDuration(job.remainingMs)} left`,
  ]
    .filter((part) => part !== null)
    .join('  ');
}

const rateText = (perSecond: number, unit: string): string =>
  unit === 'bytes' ? `${formatBytes(perSecond)}/s` : `${perSecond.toPrecision(3)} ${unit}/s`;
