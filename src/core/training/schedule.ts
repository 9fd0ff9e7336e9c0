/** How the learning rate goes through a run, as transformers' schedulers have it. */

export type ScheduleKind = 'constant' | 'linear' | 'cosine';

export interface Schedule {
  readonly kind: ScheduleKind;
  /** The peak, reached at the end of the warm-up. */
  readonly learningRate: number;
  /** Optimizer steps of the whole run, warm-up included. */
  readonly totalSteps: number;
  readonly warmupSteps: number;
}

/** Steps of warm-up: a share of the run, rounded up as transformers' `get_warmup_steps` does. */
export const warmupStepsOf = (warmupRatio: number, totalSteps: number): number => Math.ceil(warmupRatio * totalSteps);

/** The learning rate of optimizer step `step`, counted from 0. With a warm-up that of step 0 is 0, as in transformers. */
export function learningRateAt({ kind, learningRate, totalSteps, warmupSteps }: Schedule, step: number): number {
  if (step < warmupSteps) return (learningRate * step) / Math.max(1, warmupSteps);
  if (kind === 'constant') return learningRate;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
  return learningRate * (kind === 'linear' ? 1 - progress : (1 + Math.cos(Math.PI * progress)) / 2);
}
