import type { Job } from '#contract/jobs.ts';
import { hasEnded } from '../live.ts';

/** What jobs under way are going to write. */
export const pathsBeingWritten = (jobs: readonly Job[]): string[] =>
  jobs.flatMap(({ spec, state }) => ('outputPath' in spec && !hasEnded({ state }) ? [spec.outputPath] : []));
