/** One measured figure, as a row of the table that `npm run bench` prints. */
export interface BenchRow {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the project aims at, as it stands in the table: `≥ 0.5`. */
  readonly goal?: string;
  /** How much the repetitions differ: `± 0.02 (n = 5)`. */
  readonly spread?: string;
  readonly note?: string;
}

/** What a file of this folder exports. */
export interface Bench {
  readonly name: string;
  run(): Promise<BenchRow[]>;
}

/** The middle of the values (the mean of the two middle ones for an even count): one slow run does not move it. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  return Number.isInteger(middle) ? (at(middle - 1) + at(middle)) / 2 : at(Math.floor(middle));
}

/** Lowest and highest of the values, and how many there are. */
export function spread(values: readonly number[], digits = 2): string {
  return `${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)} (n = ${values.length})`;
}
