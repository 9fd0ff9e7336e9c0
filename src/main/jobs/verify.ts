import type { Library } from '../library/index.ts';
import { leavesNothing, type JobRunner } from './runner.ts';

/** Hold a model's files against their recorded hashes. */
export function verifyRunner(library: Pick<Library, 'present' | 'verify'>): JobRunner<'verify'> {
  return {
    lane: 'cpu',
    // A broken model is worth verifying: the hash says whether it broke here.
    check: async ({ modelId }) => void (await library.present(modelId)),
    run: async ({ modelId }, { signal, progress }) => {
      const { sha256, matches, changedFiles, record } = await library.verify(modelId, {
        signal,
        progress: (report) => progress({ ...report, phase: 'verify.hashing' }),
      });
      return { result: { kind: 'verify', sha256, matches, changedFiles }, record };
    },
    ...leavesNothing,
  };
}
