import { Button, Textarea } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { TrainingComparison, TrainingRun } from '#contract/training.ts';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { useFormat } from '../../format.ts';
import { patch, useAction } from '../../queries.ts';
import classes from './training.module.css';

const MOST_PROMPTS = 16;

const promptsOf = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(0, MOST_PROMPTS);

/** The base and what was made of it, side by side on the same prompts. */
export function BeforeAfter({ run, comparison }: { readonly run: TrainingRun; readonly comparison: TrainingComparison | null }) {
  const { t } = useTranslation();
  const format = useFormat();
  const compare = useAction('training.compare');
  const suggested = comparison?.pairs.map(({ prompt }) => prompt) ?? run.config.settings['sample_prompts'];
  const [text, setText] = useState(Array.isArray(suggested) ? suggested.join('\n') : '');
  const prompts = promptsOf(text);
  const ask = (): void =>
    compare.mutate(
      { runId: run.id, prompts },
      { onSuccess: (made) => patch('training.get', { runId: run.id }, (known) => ({ ...known, comparison: made })) },
    );
  return (
    <section aria-labelledby="training-compare" aria-busy={compare.isPending}>
      <h3 className={classes.subtitle} id="training-compare">
        {t('training.compare.title')}
      </h3>
      <div className={classes.compareAsk}>
        <Textarea
          className={classes.comparePrompts ?? ''}
          label={t('training.compare.prompts')}
          description={t('training.compare.note')}
          inputWrapperOrder={['label', 'input', 'description']}
          autosize
          minRows={2}
          maxRows={8}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <Button variant="default" disabled={prompts.length === 0} loading={compare.isPending} onClick={ask}>
          {t('training.compare.ask')}
        </Button>
      </div>
      {compare.isError && <ErrorPanel error={compare.error} onDismiss={() => compare.reset()} />}
      {comparison !== null && (
        <>
          <div className={classes.pairHead} aria-hidden>
            <span>{t('training.compare.before', { name: run.config.baseName })}</span>
            <span>{t('training.compare.after', { name: run.config.name })}</span>
          </div>
          <ul className={classes.pairs} aria-label={t('training.compare.title')}>
            {comparison.pairs.map(({ prompt, before, after }) => (
              <li key={prompt}>
                <p className={classes.pairPrompt}>{prompt}</p>
                <div className={classes.pair}>
                  <p>
                    <span className="sr-only">{t('training.compare.before', { name: run.config.baseName })}: </span>
                    {before}
                  </p>
                  <p>
                    <span className="sr-only">{t('training.compare.after', { name: run.config.name })}: </span>
                    {after}
                  </p>
                </div>
              </li>
            ))}
          </ul>
          <p className={`${classes.note} num`}>{t('training.compare.made', { time: format.moment(comparison.madeMs) })}</p>
        </>
      )}
    </section>
  );
}
