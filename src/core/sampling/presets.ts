import type { SamplingParameterName } from './parameters.ts';

/** Only what a preset is about; all else is as in a new conversation. */
export type PresetValues = Readonly<Partial<Record<SamplingParameterName, number>>>;

/**
 * Ways of sampling by task: temperature 0.1-0.3 for facts and code, 0.4-0.7 in general, 0.8-1.0 for dialogue, above 1 for invention;
 * with a higher temperature min-p keeps nonsense out (arXiv 2407.01082). Code repeats names rightly, so nothing is taken off for that.
 */
export const SAMPLING_PRESETS = {
  exact: { temperature: 0 },
  factual: { temperature: 0.2, topP: 0.9 },
  code: { temperature: 0.3, topP: 0.9, repeatPenalty: 1 },
  technical: { temperature: 0.7, topP: 0.8 },
  dialogue: { temperature: 1, topP: 0.9, repeatPenalty: 1.05, repeatLastN: 128 },
  creative: { temperature: 1.2, topP: 0.95, minP: 0.05, dryStrength: 0.8 },
} as const satisfies Record<string, PresetValues>;

export type SamplingPresetName = keyof typeof SAMPLING_PRESETS;
