import { useTranslation } from 'react-i18next';
import type { QuantizePlan } from '#contract/quantize.ts';
import { useFormat } from '../../format.ts';
import classes from './convert.module.css';

/** The plan tensor by tensor, in words and figures. */
export function PlanTable({ plan }: { readonly plan: QuantizePlan }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <div className={classes.planTableBox} tabIndex={0} role="group" aria-label={t('convert.plan.tensors')}>
      <table className={classes.planTable}>
        <thead>
          <tr>
            <th scope="col">{t('convert.plan.tensor')}</th>
            <th scope="col">{t('convert.plan.type')}</th>
            <th scope="col">{t('convert.plan.size')}</th>
          </tr>
        </thead>
        <tbody>
          {plan.tensors.map(({ name, from, to, sizeBytes, why }) => (
            <tr key={name}>
              <td>
                <code>{name.replace(/\.weight$/, '')}</code>
              </td>
              <td title={from === to ? undefined : `${from} → ${to}`}>
                {to}
                {why !== 'mix' && why !== 'kept' && <span className={classes.why}>{t(`convert.why.${why}`)}</span>}
              </td>
              <td className="num">{format.bytes(sizeBytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
