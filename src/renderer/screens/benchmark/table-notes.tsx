import { useTranslation } from 'react-i18next';
import { useFormat } from '../../format.ts';
import type { Row } from './results.ts';
import classes from './benchmark.module.css';

/** Other programs that take more of the processor than this are worth a word. */
const NOTED_LOAD = 0.1;

/** What one must know to read the table: what the intervals are, what the marks say, which text quality was measured on. */
export function TableNotes({ rows }: { readonly rows: readonly Row[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const speeds = rows.flatMap(({ speed }) => (speed?.result == null ? [] : [speed.result]));
  const series = speeds.flatMap(({ promptPerSecond, newPerSecond, firstTokenMs }) =>
    [promptPerSecond, newPerSecond, firstTokenMs].flatMap((each) => (each === null ? [] : [each])),
  );
  const [one] = series;
  const load = Math.max(0, ...speeds.map(({ backgroundLoad }) => backgroundLoad ?? 0));
  const texts = new Map(
    rows.flatMap(({ quality }) => (quality?.result == null ? [] : [[quality.result.textSha256, quality.result] as const])),
  );
  const notes = [
    ...(load >= NOTED_LOAD ? [t('benchmark.table.loadNote', { share: format.percent(load) })] : []),
    ...(one === undefined
      ? []
      : [t('benchmark.table.confidence', { count: one.samples.length, confidence: format.percent(one.confidence) })]),
    ...(series.some(({ outliers }) => outliers.length > 0) ? [t('benchmark.table.outlierNote')] : []),
    ...[...texts.values()].map(({ textName, tokens, windows, contextLength }) =>
      t('benchmark.table.text', {
        text: textName,
        tokens: format.number(tokens),
        windows: format.number(windows),
        window: format.number(contextLength),
      }),
    ),
  ];
  return (
    <ul className={`${classes.notes} num`}>
      {notes.map((note) => (
        <li key={note} className={classes.note}>
          {note}
        </li>
      ))}
    </ul>
  );
}
