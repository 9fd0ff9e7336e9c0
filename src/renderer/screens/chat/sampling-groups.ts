import { sentSettings, type RemoteDialect } from '#core/remote/request.ts';
import { SAMPLING_PARAMETERS, type SamplingParameterName } from '#core/sampling/parameters.ts';

/** Parameters as the panel shows them: those that most people change first. */
export const SAMPLING_GROUPS = [
  { name: 'choice', open: true, parameters: ['temperature', 'topP', 'topK', 'minP'] },
  { name: 'repetition', open: false, parameters: ['repeatPenalty', 'repeatLastN', 'presencePenalty', 'frequencyPenalty', 'noRepeatNgram'] },
  { name: 'dry', open: false, parameters: ['dryStrength', 'dryBase', 'dryAllowedLength'] },
  { name: 'xtc', open: false, parameters: ['xtcProbability', 'xtcThreshold'] },
] as const satisfies readonly { readonly name: string; readonly open: boolean; readonly parameters: readonly SamplingParameterName[] }[];

export type SliderParameter = (typeof SAMPLING_GROUPS)[number]['parameters'][number];

interface SamplingGroup {
  readonly name: (typeof SAMPLING_GROUPS)[number]['name'];
  readonly open: boolean;
  readonly parameters: readonly SliderParameter[];
}

/** The groups, with those parameters that reach what answers: a remote engine may understand fewer. */
export function groupsFor(dialect: RemoteDialect | undefined): readonly SamplingGroup[] {
  if (dialect === undefined) return SAMPLING_GROUPS;
  const sent = new Set<SamplingParameterName>(sentSettings(dialect));
  return SAMPLING_GROUPS.map((group) => ({ ...group, parameters: group.parameters.filter((name) => sent.has(name)) })).filter(
    ({ parameters }) => parameters.length > 0,
  );
}

/** What a slider goes through; the field beside it takes all that the engine takes. */
const SPANS: Readonly<Record<SliderParameter, readonly [min: number, max: number, step: number]>> = {
  temperature: [0, 2, 0.05],
  topP: [0, 1, 0.01],
  topK: [0, 200, 1],
  minP: [0, 0.5, 0.01],
  repeatPenalty: [0.8, 2, 0.01],
  repeatLastN: [0, 1024, 16],
  presencePenalty: [-2, 2, 0.05],
  frequencyPenalty: [-2, 2, 0.05],
  noRepeatNgram: [0, 10, 1],
  dryStrength: [0, 2, 0.05],
  dryBase: [1, 4, 0.05],
  dryAllowedLength: [1, 16, 1],
  xtcProbability: [0, 1, 0.05],
  xtcThreshold: [0, 0.5, 0.01],
};

export interface SliderSpan {
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly decimals: number;
  /** The useful part as shares of the slider's length. */
  readonly useful: readonly [from: number, to: number];
}

export function spanOf(name: SliderParameter): SliderSpan {
  const [min, max, step] = SPANS[name];
  const { useful, integer } = SAMPLING_PARAMETERS[name];
  const share = (value: number): number => Math.min(1, Math.max(0, (value - min) / (max - min)));
  return { min, max, step, decimals: integer ? 0 : 2, useful: [share(useful[0]), share(useful[1])] };
}
