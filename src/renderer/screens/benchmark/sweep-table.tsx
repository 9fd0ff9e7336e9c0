import { useTranslation } from 'react-i18next';
import { settingsText } from '#core/benchmark/settings-text.ts';
import type { BenchmarkCell, BenchmarkRun } from '#contract/benchmark.ts';
import { useFormat } from '../../format.ts';
import { CellState, Figure } from './figures.tsx';
import { settingsOf, targetName } from './results.ts';
import classes from './benchmark.module.css';

/** Speed under every setting that was tried, a column for each target: writing above, reading below. */
export function SweepTable({ run, cells }: { readonly run: BenchmarkRun; readonly cells: readonly BenchmarkCell[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const found = (target: number, name: string): BenchmarkCell | undefined =>
    cells.find((cell) => cell.target === target && cell.task.kind === 'speed' && settingsText(cell.task.settings) === name);
  return (
    <div>
      <h3 className={classes.subtitle} id="benchmark-sweep">
        {t('benchmark.sweepTable.title')}
      </h3>
      <div className={classes.tableBox} role="region" aria-labelledby="benchmark-sweep" tabIndex={0}>
        <table className={`${classes.table} num`}>
          <thead>
            <tr>
              <th scope="col">{t('benchmark.sweepTable.settings')}</th>
              {run.targets.map((target, place) => (
                <th key={`${place} ${target.name}`} scope="col">
                  {targetName(target)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {settingsOf(cells).map(({ name }) => (
              <tr key={name}>
                <th scope="row">
                  <code>{name}</code>
                </th>
                {run.targets.map((target, place) => {
                  const cell = found(place, name);
                  const result = cell?.result?.kind === 'speed' ? cell.result : null;
                  return (
                    <td key={`${place} ${target.name}`}>
                      {result !== null && (
                        <>
                          <Figure series={result.newPerSecond} write={format.figure} />
                          <span className={classes.range}>
                            {t('benchmark.sweepTable.reading', { rate: format.figure(result.promptPerSecond?.median) })}
                          </span>
                        </>
                      )}
                      {result === null && cell !== undefined && <CellState cell={cell} />}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className={classes.tableNote}>{t('benchmark.sweepTable.note')}</p>
    </div>
  );
}
