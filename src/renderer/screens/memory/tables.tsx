import { useTranslation } from 'react-i18next';
import type { VariantFit } from '#core/memory/choices.ts';
import type { Comparison } from '#core/memory/compare.ts';
import { useFormat, UNKNOWN } from '../../format.ts';
import type { CardRow, Kind } from '#core/memory/answer.ts';
import { set } from './draft.ts';
import classes from './memory.module.css';

/** Which type of the weights fits. */
export function VariantTable({ rows }: { readonly rows: readonly VariantFit[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <section className={classes.panel} aria-labelledby="memory-variants">
      <h2 id="memory-variants">{t('estimate.variants.title')}</h2>
      <p className={classes.note}>{t('estimate.variants.note')}</p>
      <table className={`${classes.table} num`}>
        <thead>
          <tr>
            {(['type', 'file', 'needs', 'verdict'] as const).map((column) => (
              <th key={column} scope="col">
                {t(`estimate.variants.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, sizeBytes, totalBytes, status }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{format.bytes(sizeBytes)}</td>
              <td>{format.bytes(totalBytes)}</td>
              <td data-status={status}>{t(`estimate.statuses.${status}`)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** What other cards would do. */
export function CardTable({ rows, current }: { readonly rows: readonly CardRow[]; readonly current: string | null }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <section className={classes.panel} aria-labelledby="memory-cards">
      <h2 id="memory-cards">{t('estimate.cards.title')}</h2>
      <p className={classes.note}>{t('estimate.cards.note')}</p>
      <div className={classes.cardScroll}>
        <table className={`${classes.table} num`}>
          <thead>
            <tr>
              {(['name', 'memory', 'verdict', 'speed'] as const).map((column) => (
                <th key={column} scope="col">
                  {t(`estimate.cards.${column}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ card, status, missingBytes, speed }) => (
              <tr key={card.name} data-current={card.name === current || undefined}>
                <th scope="row">
                  <button type="button" className={classes.cardName} onClick={() => set({ card: card.name, gpuLayers: null })}>
                    {card.name}
                  </button>
                </th>
                <td>{format.bytes(card.capacityBytes)}</td>
                <td data-status={status}>
                  {status === 'short'
                    ? t('estimate.cards.missing', { bytes: format.bytes(missingBytes) })
                    : t(`estimate.statuses.${status}`)}
                </td>
                <td>{speed === undefined || status === 'short' ? UNKNOWN : format.figure(speed.tokensPerSecond)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** The exact answer beside the rule of thumb, term by term. */
export function RuleTable({ comparison }: { readonly comparison: Comparison<Kind> }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { rule, exact, factor, agrees, differences } = comparison;
  return (
    <section className={classes.panel} aria-labelledby="memory-rule">
      <h2 id="memory-rule">{t('estimate.rule.title')}</h2>
      <p className={`${classes.note} num`}>
        {t('estimate.rule.says', {
          low: format.bytes(rule.lowBytes),
          high: format.bytes(rule.highBytes),
          exact: format.bytes(exact.bytes),
          factor: format.figure(factor),
        })}{' '}
        {t(agrees ? 'estimate.rule.agrees' : 'estimate.rule.differs')}
      </p>
      <table className={`${classes.table} num`}>
        <thead>
          <tr>
            {(['part', 'byRule', 'here'] as const).map((column) => (
              <th key={column} scope="col">
                {t(`estimate.rule.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {differences.map(({ kind, ruleBytes, exactBytes }) => (
            <tr key={kind}>
              <th scope="row">{t(`memory.${kind}`)}</th>
              <td>{ruleBytes === null ? t('estimate.rule.inFactor') : format.bytes(ruleBytes)}</td>
              <td>{format.bytes(exactBytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
