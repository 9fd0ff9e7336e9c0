import { useState, type CSSProperties, type KeyboardEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../../format.ts';
import { partOf, type ChangeMap, type WeightFigure } from './change-map.ts';
import classes from './adapters.module.css';

/** Small changes are to be told from none: the root of the share. */
const strengthOf = (value: number, most: number): CSSProperties =>
  ({ '--share': `${most === 0 ? 0 : Math.round(8 + 92 * Math.sqrt(value / most))}%` }) as CSSProperties;

/** How much each weight changes, layer by layer: the darker and taller, the more. */
export function ChangeMapView({ map }: { readonly map: ChangeMap }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [pointed, setPointed] = useState<WeightFigure | null>(null);
  /** The one cell that Tab leads to. */
  const [at, setAt] = useState<readonly [row: number, column: number]>([0, 0]);
  const press = (event: KeyboardEvent<HTMLDivElement>): void => {
    const by = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const row = Math.max(0, Math.min(map.rows.length - 1, at[0] + (by[0] ?? 0)));
    const column = Math.max(0, Math.min(map.layers.length - 1, at[1] + (by[1] ?? 0)));
    setAt([row, column]);
    event.currentTarget.querySelector<HTMLElement>(`[data-at="${row}:${column}"]`)?.focus();
  };
  const cellText = (figure: WeightFigure): string =>
    t('adapters.map.cell', { part: partOf(figure), layer: figure.layer ?? 0, change: format.share(figure.value) });
  return (
    <div className={classes.map}>
      {map.rows.length > 0 && (
        <div
          role="grid"
          tabIndex={-1}
          aria-label={t('adapters.map.label')}
          className={classes.strips}
          onKeyDown={press}
          onPointerLeave={() => setPointed(null)}
        >
          {map.rows.map(({ part, cells }, row) => (
            <div role="row" key={part} className={classes.strip}>
              <span role="rowheader" className={classes.stripName}>
                <code title={part}>{part.split('.').at(-1)}</code>
              </span>
              {cells.map((cell, column) => (
                <span
                  role="gridcell"
                  key={map.layers[column]}
                  className={classes.cell}
                  data-at={`${row}:${column}`}
                  data-empty={cell === null || undefined}
                  tabIndex={at[0] === row && at[1] === column ? 0 : -1}
                  aria-label={cell === null ? t('adapters.map.unchanged', { part, layer: map.layers[column] ?? 0 }) : cellText(cell)}
                  onPointerEnter={() => setPointed(cell)}
                  onFocus={() => {
                    setAt([row, column]);
                    setPointed(cell);
                  }}
                >
                  {cell !== null && <span style={strengthOf(cell.value, map.most)} />}
                </span>
              ))}
            </div>
          ))}
        </div>
      )}
      {map.single.map((figure) => (
        <p key={figure.weight} className={`${classes.singleWeight} num`}>
          <code>{partOf(figure)}</code>
          <span>{format.share(figure.value)}</span>
        </p>
      ))}
      <p className={`${classes.readout} num`} aria-live="off">
        {pointed === null
          ? t('adapters.map.hint', { most: format.share(map.most), count: map.layers.length })
          : `${pointed.weight} · ${format.share(pointed.value)}`}
      </p>
    </div>
  );
}
