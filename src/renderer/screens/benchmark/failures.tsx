import { useTranslation } from 'react-i18next';
import { settingsText } from '#core/benchmark/settings-text.ts';
import type { BenchmarkCell, BenchmarkRun } from '#contract/benchmark.ts';
import { useErrorText } from '../../i18n/use-error-text.ts';
import { nameAt } from './results.ts';
import classes from './benchmark.module.css';

/** Cells that failed, each with its reason. */
export function Failures({ run, cells }: { readonly run: BenchmarkRun; readonly cells: readonly BenchmarkCell[] }) {
  const { t } = useTranslation();
  const describe = useErrorText();
  const failed = cells.flatMap((cell) => (cell.error === null ? [] : [{ cell, text: describe(cell.error) }]));
  if (failed.length === 0) return null;
  return (
    <section aria-labelledby="benchmark-failures" className={classes.failures}>
      <h3 className={classes.subtitle} id="benchmark-failures">
        {t('benchmark.failures.title')}
      </h3>
      <ul>
        {failed.map(({ cell: { id, target, task }, text }) => (
          <li key={id}>
            <p className={classes.failed}>
              {t('benchmark.failures.of', {
                name: nameAt(run, target),
                what: [t(`benchmark.tasks.${task.kind}`), task.kind === 'speed' ? settingsText(task.settings) : ''].join(' ').trim(),
              })}
            </p>
            <p>{[text.what, text.next].join(t('common.betweenSentences'))}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}
