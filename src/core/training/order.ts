import { XorShift32, seedOf } from '../demo/random.ts';
import type { TrainingSettings } from './settings.ts';

/** Which rows each step sees. It follows from the seed alone, so a run that is gone on with sees what it would have seen. */

/** Numbers below `count`, shuffled (Fisher and Yates). */
export function shuffled(count: number, name: string, seed: number): Int32Array {
  const random = new XorShift32(seedOf(name, seed));
  // The first numbers of neighbouring seeds are alike.
  for (let i = 0; i < 16; i++) random.next();
  const order = Int32Array.from({ length: count }, (_, index) => index);
  for (let i = count - 1; i > 0; i--) {
    const other = Math.floor((random.next() / 2 ** 32) * (i + 1));
    [order[i], order[other]] = [order[other] ?? 0, order[i] ?? 0];
  }
  return order;
}

/** Samples for training and for evaluation; at least one for each where there are two and a share is asked for. */
export function splitSamples(count: number, share: number, seed: number): { readonly train: number[]; readonly evaluation: number[] } {
  const order = [...shuffled(count, 'split', seed)];
  const kept = share === 0 || count < 2 ? 0 : Math.min(count - 1, Math.max(1, Math.round(count * share)));
  const ascending = (a: number, b: number): number => a - b;
  return { evaluation: order.slice(0, kept).toSorted(ascending), train: order.slice(kept).toSorted(ascending) };
}

export interface StepPlan {
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  /** Rows of optimizer step `step`, counted from 0. The last step of an epoch may have fewer. */
  rowsOf(step: number): Int32Array;
  /** Epochs after `steps` steps. */
  epochAfter(steps: number): number;
}

export const rowsOfStep = ({ per_device_train_batch_size, gradient_accumulation_steps }: TrainingSettings): number =>
  per_device_train_batch_size * gradient_accumulation_steps;

/** @param rows of an epoch; at least one */
export function planSteps(rows: number, settings: TrainingSettings): StepPlan {
  const { num_train_epochs, max_steps, seed } = settings;
  const perStep = rowsOfStep(settings);
  const stepsPerEpoch = Math.max(1, Math.ceil(rows / perStep));
  const totalSteps = max_steps > 0 ? max_steps : Math.max(1, Math.ceil(num_train_epochs * stepsPerEpoch));
  let known: { readonly epoch: number; readonly order: Int32Array } | undefined;
  return {
    totalSteps,
    stepsPerEpoch,
    rowsOf: (step) => {
      const epoch = Math.floor(step / stepsPerEpoch);
      if (known?.epoch !== epoch) known = { epoch, order: shuffled(rows, `epoch ${epoch}`, seed) };
      const first = (step % stepsPerEpoch) * perStep;
      return known.order.subarray(first, Math.min(rows, first + perStep));
    },
    epochAfter: (steps) => steps / stepsPerEpoch,
  };
}
