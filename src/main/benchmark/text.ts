import type { MeasuredTarget } from '#contract/benchmark.ts';

/** A target in a few words: the model, and what is beside its weights. */
export const targetText = (target: MeasuredTarget | undefined): string =>
  target === undefined ? '' : [target.name, ...target.adapters.map(({ name, scale }) => `${name} × ${scale}`)].join(' + ');
