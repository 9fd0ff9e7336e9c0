/** What the screen shows, kept in the address: a run, perhaps with another one beside it, or the setup of a new one. */
export interface BenchmarkSearch {
  readonly run?: string;
  /** A run whose results lie beside those of `run`. */
  readonly beside?: string;
  /** The model that variants are chosen of. */
  readonly base?: string;
  /** The chosen variants, separated by commas; empty: none, absent: all. */
  readonly models?: string;
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined;

export function benchmarkSearch(raw: Record<string, unknown>): BenchmarkSearch {
  const [run, beside, base, models] = [text(raw['run']), text(raw['beside']), text(raw['base']), text(raw['models'])];
  return {
    ...(run === undefined || run === '' ? {} : { run }),
    ...(beside === undefined || beside === '' ? {} : { beside }),
    ...(base === undefined || base === '' ? {} : { base }),
    ...(models === undefined ? {} : { models }),
  };
}

/** The chosen models; undefined: nothing was chosen yet. */
export const modelsOf = ({ models }: BenchmarkSearch): readonly string[] | undefined =>
  models === undefined ? undefined : [...new Set(models.split(',').filter((id) => id !== ''))];
