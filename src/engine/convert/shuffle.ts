import type { Shuffle } from './chunks.ts';

/**
 * Rows of each head from two halves to pairs: row `j` of the first half becomes row `2j`, row `j` of the second `2j + 1`.
 * `from` and `to` hold whole heads of `headRows` rows of `rowBytes`.
 */
export function pairRows(from: Uint8Array, to: Uint8Array, headRows: number, rowBytes: number): void {
  const half = headRows / 2;
  const headBytes = headRows * rowBytes;
  for (let head = 0; head < from.byteLength; head += headBytes)
    for (let row = 0; row < headRows; row += 1) {
      const target = head + (row < half ? 2 * row : 2 * (row - half) + 1) * rowBytes;
      const start = head + row * rowBytes;
      to.set(from.subarray(start, start + rowBytes), target);
    }
}

/**
 * Columns of some rows of a matrix become parts of rows. `from` holds rows `firstRow` and on, of `width` values; the
 * column `first + i` goes to row `i` of `to`, whose rows have `height` values.
 */
export function pickColumns(
  from: Uint16Array | Uint32Array,
  to: Uint16Array | Uint32Array,
  { width, first, count }: Extract<Shuffle, { kind: 'columns' }>,
  { firstRow, height }: { readonly firstRow: number; readonly height: number },
): void {
  const rows = from.length / width;
  // Column by column within a band of rows: both sides stay in the cache.
  const BAND = 32;
  for (let band = 0; band < rows; band += BAND) {
    const end = Math.min(rows, band + BAND);
    for (let column = 0; column < count; column += 1) {
      const target = column * height + firstRow;
      for (let row = band; row < end; row += 1) to[target + row] = from[row * width + first + column] ?? 0;
    }
  }
}
