import i18next from 'i18next';
import type { Input } from '../api.ts';
import { openJobs } from '../layers.ts';
import { apiInUse, asAppError } from '../queries.ts';
import { errorToast } from '../toasts.tsx';

/** Start a job from where no screen waits for it; what goes wrong is said in a toast. */
export async function startJob(spec: Input<'jobs.start'>['spec']): Promise<void> {
  try {
    await apiInUse().call('jobs.start', { spec });
    openJobs();
  } catch (error) {
    errorToast(asAppError(error));
  }
}

/** Make the demo model, so that every screen can be tried without a download. */
export function startDemo(): void {
  void startJob({ kind: 'demo', name: i18next.t('library.demoName') });
}
