import { IconArrowDown, IconArrowUp } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ParetoView } from '#core/benchmark/recommend.ts';
import { useFormat } from '../../format.ts';
import { CellState, Figure, Share } from './figures.tsx';
import { COLUMNS, sorted, valueOf, type Column, type Order } from './columns.ts';
import type { Row } from './results.ts';
import { TableNotes } from './table-notes.tsx';
import classes from './benchmark.module.css';

interface Props {
  readonly rows: readonly Row[];
  readonly view: ParetoView;
  /** No advice before all is measured. */
  readonly isAtWork: boolean;
}

/** All that was measured of each target: the chart's figures among them. A cell that is not there yet says how far it is. */
export function FiguresTable({ rows, view, isAtWork }: Props) {
  const { t } = useTranslation();
  const [order, setOrder] = useState<Order>();
  const columns = COLUMNS.filter((column) => rows.some((row) => isAsked(row, column)));
  const recommendedId = isAtWork ? undefined : view.recommendation?.id;
  const sort = (column: Column): void =>
    setOrder(order?.column === column ? (order.isDown ? { column, isDown: false } : undefined) : { column, isDown: true });
  return (
    <div>
      <h3 className={classes.subtitle} id="benchmark-figures">
        {t('benchmark.table.title')}
      </h3>
      <div className={classes.tableBox} role="region" aria-labelledby="benchmark-figures" tabIndex={0}>
        <table className={`${classes.table} num`}>
          <thead>
            <tr>
              <th scope="col">{t('benchmark.table.name')}</th>
              {columns.map((column) => {
                const isSorted = order?.column === column;
                return (
                  <th
                    key={column}
                    scope="col"
                    title={t(`benchmark.table.hints.${column}`)}
                    aria-sort={isSorted ? (order.isDown ? 'descending' : 'ascending') : 'none'}
                  >
                    <button type="button" onClick={() => sort(column)}>
                      {t(`benchmark.table.${column}`)}
                      {isSorted && (order.isDown ? <IconArrowDown size={12} aria-hidden /> : <IconArrowUp size={12} aria-hidden />)}
                    </button>
                  </th>
                );
              })}
            </tr>
          </thead>
          <tbody>
            {sorted(rows, order).map((row) => (
              <tr
                key={row.id}
                data-dominated={view.dominated.has(row.id) || undefined}
                data-recommended={row.id === recommendedId || undefined}
              >
                <th scope="row">
                  {row.name} {row.isBase && <span className={classes.tag}>{t('benchmark.pareto.base')}</span>}
                  {row.id === recommendedId && (
                    <span className={classes.tag} data-look="recommended">
                      {t('benchmark.pareto.recommended')}
                    </span>
                  )}
                  {row.target.kind === 'remote' && <span className={classes.tag}>{t('benchmark.table.remote')}</span>}
                  {view.dominated.has(row.id) && <span className="sr-only">{t('benchmark.pareto.dominated')}</span>}
                  {row.computer !== null && (
                    <span className={classes.range}>{t('benchmark.table.elsewhere', { computer: row.computer })}</span>
                  )}
                </th>
                {columns.map((column) => (
                  <td key={column}>
                    <Value row={row} column={column} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <TableNotes rows={rows} />
    </div>
  );
}

/** Columns that only some runs have: what no target was asked for, or no system told, is left out. */
function isAsked(row: Row, column: Column): boolean {
  if (column === 'energy') return row.speed?.result?.joulesPerToken != null;
  if (column === 'questions') return row.questions !== undefined;
  if (column === 'kl' || column === 'topOne')
    return row.quality !== undefined && (row.quality.result === null || row.quality.result.against !== null);
  if (column === 'perplexity') return row.quality !== undefined;
  return row.speed !== undefined;
}

/** What the states of a row's cells are shown in: the first column of each. */
const FIRST: Readonly<Record<'answer' | 'kl' | 'questions', 'speed' | 'quality' | 'questions'>> = {
  answer: 'speed',
  kl: 'quality',
  questions: 'questions',
};

function Value({ row, column }: { readonly row: Row; readonly column: Column }) {
  const { t } = useTranslation();
  const format = useFormat();
  const speed = row.speed?.result;
  const quality = row.quality?.result;
  if (column === 'answer' || column === 'kl' || column === 'questions') {
    const measured = row[FIRST[column]];
    if (measured !== undefined && measured.result === null) return <CellState cell={measured.cell} />;
  }
  switch (column) {
    case 'answer':
      return <Figure series={speed?.newPerSecond} write={format.figure} />;
    case 'prompt':
      return <Figure series={speed?.promptPerSecond} write={format.figure} />;
    case 'firstToken':
      return <Figure series={speed?.firstTokenMs} write={format.duration} />;
    case 'questions':
      return (
        <>
          <Share share={row.questions?.result?.cloze} />
          <Share share={row.questions?.result?.choice} />
        </>
      );
    case 'kl':
      return (
        <>
          {format.small(quality?.against?.meanKl)}
          {quality?.against != null && quality.against.meanKl > 0 && (
            <span className={classes.range}>± {format.small(quality.against.meanKlError)}</span>
          )}
        </>
      );
    case 'perplexity':
      return (
        <>
          {format.fixed(quality?.perplexity, 2)}
          {quality != null && <span className={classes.range}>± {format.small(quality.perplexityError)}</span>}
        </>
      );
    case 'topOne':
      return format.share(valueOf(row, column));
    case 'memory':
      return format.bytes(row.memoryBytes);
    case 'load':
      return format.duration(speed?.loadMs);
    case 'energy':
      return speed?.joulesPerToken == null
        ? format.figure(null)
        : t('benchmark.table.joules', { energy: format.small(speed.joulesPerToken) });
  }
}
