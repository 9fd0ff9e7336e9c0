import { styleText } from 'node:util';
import { UNKNOWN } from '#core/bytes.ts';

/**
 * Text from outside (names, metadata, a model's answer) as it may reach a terminal: control characters could move the
 * cursor, change the title or put words into the clipboard, and marks of writing direction could turn a name round.
 */
export function printable(text: string, keep: 'line' | 'lines' = 'line'): string {
  const lines = keep === 'line' ? text.replaceAll(/[\t\r\n]+/g, ' ') : text;
  return lines.replaceAll(/(?![\t\n])[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '');
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
/** East Asian wide and fullwidth characters, and emoji, take two columns: Unicode Standard Annex 11. */
const WIDE =
  /^(\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}])/u;

/** How many columns a text takes on a terminal. */
export function width(text: string): number {
  let columns = 0;
  for (const { segment } of graphemes.segment(text)) columns += WIDE.test(segment) ? 2 : 1;
  return columns;
}

/** A text cut to a number of columns, with an ellipsis where something was cut. */
export function fit(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  let cut = '';
  for (const { segment } of graphemes.segment(text)) {
    if (width(cut + segment) > columns - 1) break;
    cut += segment;
  }
  return `${cut}…`;
}

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Widest this column may get. */
  readonly max?: number;
}

/** Rows in aligned columns under their titles. Colours appear on a terminal only. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => columns.map(({ max }, index) => fit(printable(row[index] ?? ''), max ?? Number.POSITIVE_INFINITY)));
  const widths = columns.map(({ title }, index) => Math.max(width(title), ...cells.map((row) => width(row[index] ?? ''))));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, index) => {
        const space = ' '.repeat((widths[index] ?? 0) - width(cell));
        return columns[index]?.align === 'right' ? space + cell : cell + space;
      })
      .join('  ')
      .trimEnd();
  return [styleText('bold', line(columns.map(({ title }) => title)), { stream: process.stdout }), ...cells.map(line)].join('\n');
}

/** Names and values below each other; what is unknown is left out. */
export function facts(pairs: readonly (readonly [name: string, value: string | number | null | undefined])[]): string {
  const known = pairs.filter(([, value]) => value !== undefined && value !== null && value !== '');
  const longest = Math.max(...known.map(([name]) => width(name)));
  return known
    .map(([name, value]) => {
      const text = typeof value === 'number' ? value.toLocaleString('en') : printable(value ?? UNKNOWN);
      return `${styleText('dim', name.padEnd(longest), { stream: process.stdout })}  ${text}`;
    })
    .join('\n');
}

export const heading = (text: string): string => styleText('bold', text, { stream: process.stdout });
