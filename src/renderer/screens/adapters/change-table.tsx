import { useTranslation } from 'react-i18next';
import { useFormat } from '../../format.ts';
import type { ChangeMap, WeightFigure } from './change-map.ts';
import classes from './adapters.module.css';

/** The same as the map in figures, the largest first. */
export function ChangeTable({ map }: { readonly map: ChangeMap }) {
  const { t } = useTranslation();
  const format = useFormat();
  const figures: readonly WeightFigure[] = [...map.rows.flatMap(({ cells }) => cells.filter((cell) => cell !== null)), ...map.single];
  return (
    // Scrolls: reachable by keyboard.
    <div className={classes.tableBox} role="region" aria-label={t('adapters.map.label')} tabIndex={0}>
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col">{t('adapters.map.weight')}</th>
            <th scope="col">{t('adapters.map.change')}</th>
          </tr>
        </thead>
        <tbody>
          {figures
            .toSorted((left, right) => right.value - left.value)
            .map(({ weight, value }) => (
              <tr key={weight}>
                <td>
                  <code>{weight}</code>
                </td>
                <td className="num">{format.share(value)}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </div>
  );
}
