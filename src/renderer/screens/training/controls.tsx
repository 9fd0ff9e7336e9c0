import { Button, Menu } from '@mantine/core';
import { IconDots, IconPlayerPause, IconPlayerPlay, IconPlayerStop } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { TrainingRun } from '#contract/training.ts';
import { IconButton } from '../../components/icon-button.tsx';
import { keyOf, queryClient, useAction } from '../../queries.ts';
import { errorToast } from '../../toasts.tsx';
import { beginAgain } from './again.ts';
import { RecipeDialog } from './recipe-dialog.tsx';
import classes from './training.module.css';

/** What can be done with a run in its state. */
export function Controls({ run, onGone }: { readonly run: TrainingRun; readonly onGone: () => void }) {
  const { t } = useTranslation();
  const [exporting, setExporting] = useState(false);
  const pause = useAction('training.pause');
  const resume = useAction('training.resume');
  const stop = useAction('training.stop');
  const save = useAction('training.checkpoint');
  const remove = useAction('training.remove');
  const refresh = (): void => {
    void queryClient.invalidateQueries({ queryKey: keyOf('training.runs', {}) });
    void queryClient.invalidateQueries({ queryKey: keyOf('training.get', { runId: run.id }) });
  };
  const done = { onError: errorToast, onSettled: refresh };
  const runId = { runId: run.id };
  const isAtWork = run.state === 'running' || run.state === 'waiting';
  return (
    <div className={classes.controls}>
      {run.state === 'running' && (
        <>
          <Button
            variant="default"
            leftSection={<IconPlayerPause size={15} />}
            loading={pause.isPending}
            onClick={() => pause.mutate(runId, done)}
          >
            {t('training.pause')}
          </Button>
          <Button
            variant="default"
            leftSection={<IconPlayerStop size={15} />}
            loading={stop.isPending}
            onClick={() => stop.mutate(runId, done)}
          >
            {t('training.stop')}
          </Button>
        </>
      )}
      {(run.state === 'paused' || run.state === 'failed') && (
        <Button leftSection={<IconPlayerPlay size={15} />} loading={resume.isPending} onClick={() => resume.mutate(runId, done)}>
          {t('training.resume')}
        </Button>
      )}
      <Menu position="bottom-end" withInitialFocusPlaceholder={false}>
        <Menu.Target>
          <IconButton label={t('common.more')} variant="default" size={30}>
            <IconDots size={16} />
          </IconButton>
        </Menu.Target>
        <Menu.Dropdown>
          {run.state === 'running' && (
            <Menu.Item onClick={() => save.mutate(runId, { onError: errorToast })}>{t('training.saveNow')}</Menu.Item>
          )}
          <Menu.Item onClick={() => beginAgain(run, {})}>{t('training.again')}</Menu.Item>
          <Menu.Item onClick={() => setExporting(true)}>{t('training.recipe.menu')}</Menu.Item>
          <Menu.Item
            data-danger
            disabled={isAtWork}
            onClick={() =>
              remove.mutate(runId, {
                onError: errorToast,
                onSuccess: () => {
                  refresh();
                  onGone();
                },
              })
            }
          >
            {t('training.remove')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {exporting && <RecipeDialog run={run} onClose={() => setExporting(false)} />}
    </div>
  );
}
