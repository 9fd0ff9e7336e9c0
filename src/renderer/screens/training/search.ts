/** What the screen shows, kept in the address: a run, runs beside each other, or the setup of a new one. */
export interface TrainingSearch {
  readonly run?: string;
  /** Runs whose curves are laid over each other, separated by commas. */
  readonly compare?: string;
  /** The model that a new run begins with. */
  readonly model?: string;
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;

export function trainingSearch(raw: Record<string, unknown>): TrainingSearch {
  const [run, compare, model] = [text(raw['run']), text(raw['compare']), text(raw['model'])];
  return {
    ...(run === undefined ? {} : { run }),
    ...(compare === undefined ? {} : { compare }),
    ...(model === undefined ? {} : { model }),
  };
}

export const comparedOf = ({ compare }: TrainingSearch): readonly string[] => [
  ...new Set(compare?.split(',').filter((id) => id !== '') ?? []),
];
