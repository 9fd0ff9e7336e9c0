import { useRef, type KeyboardEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../../format.ts';
import type { HeatCell } from '#core/memory/answer.ts';
import { set } from './draft.ts';
import classes from './memory.module.css';

const MOVES: Readonly<Record<string, readonly [row: number, column: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};
const SIGNS = { fits: '✓', tight: '~', short: '×' } as const;

/** Which context fits with how many layers on the cards; a field that is chosen becomes the setting. */
export function HeatStrip({ rows, hasCards }: { readonly rows: readonly (readonly HeatCell[])[]; readonly hasCards: boolean }) {
  const { t } = useTranslation();
  const format = useFormat();
  const words: Readonly<Record<HeatCell['status'], string>> = {
    fits: t('estimate.statuses.fits'),
    tight: t('estimate.statuses.tight'),
    short: t('estimate.statuses.short'),
  };
  const table = useRef<HTMLTableElement>(null);
  const move = (event: KeyboardEvent, row: number, column: number): void => {
    const by = MOVES[event.key];
    if (by === undefined) return;
    event.preventDefault();
    table.current?.querySelector<HTMLElement>(`[data-cell="${row + by[0]}-${column + by[1]}"]`)?.focus();
  };
  return (
    <section className={classes.panel} aria-labelledby="memory-heat">
      <h2 id="memory-heat">{t('estimate.heat.title')}</h2>
      <p className={classes.note}>{t(hasCards ? 'estimate.heat.note' : 'estimate.heat.noteProcessor')}</p>
      <div className={classes.scroll}>
        <table ref={table} className={`${classes.heat} num`}>
          <thead>
            <tr>
              <th scope="col">{t('estimate.heat.layers')}</th>
              {rows[0]?.map(({ contextLength }) => (
                <th key={contextLength} scope="col">
                  {format.number(contextLength)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((cells, row) => (
              <tr key={cells[0]?.gpuLayers ?? row}>
                <th scope="row">{format.number(cells[0]?.gpuLayers)}</th>
                {cells.map(({ contextLength, gpuLayers, status }, column) => (
                  <td key={contextLength}>
                    <button
                      type="button"
                      data-cell={`${row}-${column}`}
                      data-status={status}
                      tabIndex={row === 0 && column === 0 ? 0 : -1}
                      aria-label={t('estimate.heat.cell', {
                        tokens: format.number(contextLength),
                        layers: format.number(gpuLayers),
                        status: words[status],
                      })}
                      onKeyDown={(event) => move(event, row, column)}
                      onClick={() => set(hasCards ? { contextLength, gpuLayers } : { contextLength })}
                    >
                      {SIGNS[status]}
                    </button>
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
