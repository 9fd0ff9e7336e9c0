import { Switch } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { correctionsOf } from '#core/memory/measured.ts';
import type { Draft } from '#core/memory/draft.ts';
import type { MemoryMeasurement } from '#contract/memory.ts';
import { useFormat } from '../../format.ts';
import { useNow } from '../../use-now.ts';
import { set } from './draft.ts';
import classes from './memory.module.css';

/** The newest; the medians are of more. */
const SHOWN = 8;

interface Props {
  /** Newest first. */
  readonly measurements: readonly MemoryMeasurement[];
  readonly draft: Draft;
}

/** How well the estimates were, on this computer, and what was learned from it. */
export function MeasuredPanel({ measurements, draft }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const nowMs = useNow();
  const learned = correctionsOf(measurements);
  const percent = (share: number): string => `${format.figure(100 * share)} %`;
  return (
    <section className={classes.panel} aria-labelledby="memory-measured">
      <h2 id="memory-measured">{t('estimate.measured.title')}</h2>
      {measurements.length === 0 ? (
        <p className={classes.note}>{t('estimate.measured.none')}</p>
      ) : (
        <>
          {learned.map(({ kind, device, factor, medianError, count }) => (
            <p key={`${kind} ${device}`} className={`${classes.note} num`}>
              {t('estimate.measured.learned', {
                kind: t(`estimate.measured.kinds.${kind}`),
                device: device === 'processor' ? t('estimate.processor') : device,
                error: percent(medianError),
                factor: format.figure(factor),
                count,
                number: format.number(count),
              })}
            </p>
          ))}
          {learned.length === 0 && <p className={classes.note}>{t('estimate.measured.tooFew')}</p>}
          <Switch
            mt={10}
            label={t('estimate.measured.use')}
            checked={draft.corrected}
            onChange={(event) => set({ corrected: event.currentTarget.checked })}
          />
          <div className={classes.scroll} tabIndex={0} role="group" aria-label={t('estimate.measured.title')}>
            <table className={`${classes.table} num`}>
              <thead>
                <tr>
                  {(['model', 'kind', 'told', 'took', 'error', 'when'] as const).map((column) => (
                    <th key={column} scope="col">
                      {t(`estimate.measured.${column}`)}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {measurements.slice(0, SHOWN).map(({ id, timeMs, kind, modelName, settings, predictedBytes, measuredBytes }) => (
                  <tr key={id}>
                    <th scope="row" className={classes.measuredName}>
                      {modelName}
                    </th>
                    <td>
                      {t(`estimate.measured.kinds.${kind}`)}
                      {typeof settings['contextLength'] === 'number' && ` · ${format.number(settings['contextLength'])}`}
                      {typeof settings['target'] === 'string' && ` · ${settings['target']}`}
                    </td>
                    <td>{format.bytes(predictedBytes)}</td>
                    <td>{format.bytes(measuredBytes)}</td>
                    <td>{percent((predictedBytes - measuredBytes) / measuredBytes)}</td>
                    <td>{format.ago(timeMs, nowMs)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </section>
  );
}
