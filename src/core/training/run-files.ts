/** What lies in a run's folder: written by the trainer, read by whoever shows the run. */

/** Entries of the log and samples, one JSON object in each line. */
export const LOG_FILE = 'log.jsonl';
export const SAMPLES_FILE = 'samples.jsonl';
/** What another process asks of the run: one word, taken away when it is read. */
export const WISH_FILE = 'wish';
export const CHECKPOINT_FOLDER = 'checkpoints';

export const runWishes = ['pause', 'checkpoint', 'stop'] as const;
export type RunWish = (typeof runWishes)[number];

export const checkpointName = (step: number): string => `step-${String(step).padStart(8, '0')}.ckpt`;

/** The step of a checkpoint by its file's name; null for another file. */
export function checkpointStep(name: string): number | null {
  const found = /^step-(\d{8,})\.ckpt$/.exec(name)?.[1];
  return found === undefined ? null : Number(found);
}
