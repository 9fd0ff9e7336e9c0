/** The states of a job, and from which to which it may go. */
export const jobStates = ['queued', 'running', 'done', 'failed', 'cancelled', 'interrupted'] as const;

export type JobState = (typeof jobStates)[number];

const transitions: Readonly<Record<JobState, readonly JobState[]>> = {
  // Interrupted also before it began: the program ended while the job was waiting.
  queued: ['running', 'cancelled', 'failed', 'interrupted'],
  running: ['done', 'failed', 'cancelled', 'interrupted'],
  // Its result is there; whoever wants another one starts a new job.
  done: [],
  failed: ['queued'],
  cancelled: ['queued'],
  interrupted: ['queued'],
};

export const canBecome = (from: JobState, to: JobState): boolean => transitions[from].includes(to);

/** Whether a job waits or works. */
export const isActive = (state: JobState): boolean => state === 'queued' || state === 'running';
