import { useTranslation } from 'react-i18next';
import type { LogEntry } from '#contract/training.ts';
import { useFormat } from '../../format.ts';
import classes from './training.module.css';

/** The latest of each figure: not all are measured at every step. */
export function RunFigures({ log }: { readonly log: readonly LogEntry[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const latest = <K extends keyof LogEntry>(figure: K): LogEntry[K] | null =>
    log.findLast((entry) => entry[figure] !== null)?.[figure] ?? null;
  const figures = [
    ['loss', format.fixed(latest('loss'), 4)],
    ['eval_loss', format.fixed(latest('eval_loss'), 4)],
    ['mean_token_accuracy', format.share(latest('mean_token_accuracy'))],
    ['grad_norm', format.figure(latest('grad_norm'))],
    ['learning_rate', latest('learning_rate')?.toExponential(2) ?? '–'],
    ['entropy', format.figure(latest('entropy'))],
    ['tokens_per_second', format.number(latest('tokens_per_second'))],
    ['num_tokens', format.parameters(latest('num_tokens'))],
    ['memory_bytes', format.bytes(latest('memory_bytes'))],
  ] as const;
  return (
    <dl className={`${classes.figures} num`}>
      {figures.map(([name, value]) => (
        <div key={name} title={t(`training.hints.${name}`)}>
          <dt>{t(`training.figures.${name}`)}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
