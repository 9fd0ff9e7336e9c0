import { sampling as samplingSchema, type Sampling } from '#contract/chat.ts';
import { SAMPLING_PARAMETERS, type SamplingParameterName } from '#core/sampling/parameters.ts';

/** What a preset decides: the choice of words. Seed, length, format and the context's policy are the conversation's own. */
const DECIDED = (Object.keys(SAMPLING_PARAMETERS) as SamplingParameterName[]).filter((name) => name !== 'maxTokens');

/** A conversation's sampling with a preset's way of choosing words; what the preset does not name is as usual. */
export function withPreset(present: Sampling, values: Partial<Sampling>): Sampling {
  const wanted = Object.fromEntries(DECIDED.map((name) => [name, values[name] ?? SAMPLING_PARAMETERS[name].standard]));
  return { ...present, ...wanted };
}

/** What of a conversation's sampling a preset keeps. */
export const samplingOf = (present: Sampling): Sampling =>
  samplingSchema.parse(Object.fromEntries(DECIDED.map((name) => [name, present[name]])));

/** The preset that a conversation's sampling is; null where it is the user's own mixture. */
export const presetOf = (
  present: Sampling,
  presets: readonly { readonly key: string; readonly values: Partial<Sampling> }[],
): string | null =>
  presets.find(({ values }) => DECIDED.every((name) => present[name] === (values[name] ?? SAMPLING_PARAMETERS[name].standard)))?.key ??
  null;
