import { Button } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { TrainingRun } from '#contract/training.ts';
import { Warnings } from '../../jobs/warnings.tsx';
import { canChat, useModel, useModels } from '../../models.ts';
import { goTo } from '../../navigation.ts';
import { useAction, useCall } from '../../queries.ts';
import { errorToast } from '../../toasts.tsx';
import { beginAgain } from './again.ts';
import classes from './training.module.css';

/** What was made, and where to go with it. */
export function Results({ run }: { readonly run: TrainingRun }) {
  const { t } = useTranslation();
  const models = useModels();
  const base = useModel(run.config.baseId);
  const { data: host } = useCall('system.host', {});
  const reveal = useAction('system.reveal');
  if (run.result === null) return null;
  const { warnings, modelIds, reason, paths } = run.result;
  const made = modelIds.flatMap((id) => models.find((model) => model.id === id) ?? []);
  const beside = made.find(({ kind }) => kind === 'gguf-adapter');
  const adapter = beside ?? made.find(({ kind }) => kind === 'peft-adapter');
  const model = made.find(canChat);
  const canTry = beside !== undefined && base !== undefined && canChat(base);
  const suggested = warnings.map(({ params }) => params['learningRate']).find((value) => typeof value === 'number');
  const [path] = paths;
  return (
    <>
      <section className={classes.results} data-reason={reason} aria-label={t('training.results')}>
        <p>{t(`training.ended.${reason}`)}</p>
        <div className={classes.controls}>
          {canTry && <Button onClick={() => goTo.newChat(base.id, beside.id)}>{t('training.tryIt')}</Button>}
          {model !== undefined && <Button onClick={() => goTo.newChat(model.id)}>{t('training.tryIt')}</Button>}
          {adapter !== undefined && (
            <Button variant={canTry ? 'default' : 'filled'} onClick={() => goTo.adapters(adapter.id)}>
              {t('training.merge')}
            </Button>
          )}
          {(canTry || model !== undefined) && (
            <Button variant="default" onClick={() => goTo.benchmark(model?.id ?? base?.id)}>
              {t('jobs.next.benchmark')}
            </Button>
          )}
          {made[0] !== undefined && (
            <Button variant="default" onClick={() => goTo.library(made[0]?.id)}>
              {t('jobs.next.show')}
            </Button>
          )}
          {path !== undefined && host?.canReveal === true && (
            <Button variant="default" onClick={() => reveal.mutate({ path }, { onError: errorToast })}>
              {t('jobs.next.reveal')}
            </Button>
          )}
        </div>
      </section>
      <Warnings warnings={warnings} />
      {suggested !== undefined && (
        <Button className={classes.demoData ?? ''} variant="light" onClick={() => beginAgain(run, { learning_rate: suggested })}>
          {t('training.remedies.rate', { rate: suggested })}
        </Button>
      )}
    </>
  );
}
