import { useMemo } from 'react';
import type { Job } from '#contract/jobs.ts';
import { hasEnded } from '../live.ts';
import { useCall } from '../queries.ts';

const NO_JOBS: readonly Job[] = [];

/** The jobs, newest first: those under way and those that ended, and how far the former are together. */
export function useJobs(): { readonly active: readonly Job[]; readonly ended: readonly Job[]; readonly fraction: number | null } {
  const { data = NO_JOBS } = useCall('jobs.list', {});
  return useMemo(() => {
    const sorted = [...data].sort((left, right) => right.createdMs - left.createdMs);
    // Work is done in the order of its coming.
    const active = sorted
      .filter((job) => !hasEnded(job))
      .reverse()
      .sort((left, right) => Number(right.state === 'running') - Number(left.state === 'running'));
    const known = active.filter((job) => job.state === 'running' && job.fraction !== null);
    const fraction = known.length === 0 ? null : known.reduce((sum, job) => sum + (job.fraction ?? 0), 0) / known.length;
    return { active, ended: sorted.filter(hasEnded), fraction };
  }, [data]);
}
