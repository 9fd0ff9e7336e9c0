import { Button } from '@mantine/core';
import { IconPlayerPause } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { TrainingRun } from '#contract/training.ts';
import { useFormat } from '../../format.ts';
import { keyOf, queryClient, useAction } from '../../queries.ts';
import { errorToast } from '../../toasts.tsx';
import classes from './training.module.css';

/** A run that was paused, or ended with the program or the computer: offered to be gone on with. */
export function WaitingRun({ run, onOpen }: { readonly run: TrainingRun; readonly onOpen: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const resume = useAction('training.resume');
  const step = run.last?.step ?? 0;
  const text =
    run.totalSteps === null
      ? t('training.waiting.begun', { name: run.config.name })
      : t('training.waiting.at', { name: run.config.name, step: format.number(step), total: format.number(run.totalSteps) });
  return (
    <div className={classes.waitingRun} role="status">
      <IconPlayerPause size={15} aria-hidden />
      <p>{text}</p>
      <Button
        size="sm"
        loading={resume.isPending}
        onClick={() =>
          resume.mutate(
            { runId: run.id },
            {
              onSuccess: () => {
                void queryClient.invalidateQueries({ queryKey: keyOf('training.runs', {}) });
                onOpen();
              },
              onError: errorToast,
            },
          )
        }
      >
        {t('training.resume')}
      </Button>
      <Button size="sm" variant="default" onClick={onOpen}>
        {t('training.waiting.open')}
      </Button>
    </div>
  );
}
