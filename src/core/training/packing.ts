/** Several samples in one row of the batch, none cut: less padding, the same gradients. */

export interface PackingPlan {
  /** For each row the samples that it holds, by their index. */
  readonly rows: readonly (readonly number[])[];
  /** Samples longer than a row, and those without tokens: they are in none. */
  readonly tooLong: readonly number[];
  readonly empty: readonly number[];
}

/**
 * Best fit, longest first: each sample goes into the row where it leaves the least space. Equal lengths go by index, so that
 * a run that is gone on with has the same rows.
 */
export function planPacking(lengths: readonly number[], rowLength: number): PackingPlan {
  const rows: number[][] = [];
  // Rows by the space that they have left; no space is longer than a row.
  const bySpace = Array.from({ length: rowLength + 1 }, (): number[] => []);
  const fits = lengths.map((length, index) => ({ length, index })).filter(({ length }) => length > 0 && length <= rowLength);
  for (const { length, index } of fits.toSorted((a, b) => b.length - a.length || a.index - b.index)) {
    let space = length;
    while (space < rowLength && bySpace[space]?.length === 0) space++;
    const row = bySpace[space]?.shift() ?? rows.push([]) - 1;
    rows[row]?.push(index);
    bySpace[space - length]?.push(row);
  }
  const indexes = (wanted: (length: number) => boolean): number[] => lengths.flatMap((length, index) => (wanted(length) ? [index] : []));
  return { rows, tooLong: indexes((length) => length > rowLength), empty: indexes((length) => length <= 0) };
}

/** One row of a batch, `rowLength` tokens. */
export interface PackedRow {
  /** The place of each token in its own sample: positions start again with each. */
  readonly positions: Int32Array;
  /** The number of each token's sample in the row, -1 for padding. A token sees those before it with its own number alone. */
  readonly segments: Int32Array;
}

export function packedRow(lengths: readonly number[], rowLength: number): PackedRow {
  const positions = new Int32Array(rowLength);
  const segments = new Int32Array(rowLength).fill(-1);
  let first = 0;
  for (const [segment, length] of lengths.entries()) {
    if (first + length > rowLength) throw new RangeError('samples that do not fit in their row');
    for (let i = 0; i < length; i++) positions[first + i] = i;
    segments.fill(segment, first, first + length);
    first += length;
  }
  return { positions, segments };
}
