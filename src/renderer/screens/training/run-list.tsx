import { Button, Checkbox } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { TrainingRun } from '#contract/training.ts';
import { Progress } from '../../components/progress.tsx';
import { useFormat } from '../../format.ts';
import { useJobs } from '../../jobs/use-jobs.ts';
import { useNow } from '../../use-now.ts';
import classes from './training.module.css';

interface Props {
  readonly runs: readonly TrainingRun[];
  readonly openId: string | undefined;
  readonly compared: readonly string[];
  readonly onNew: () => void;
  readonly onOpen: (id: string) => void;
  readonly onCompare: (ids: readonly string[]) => void;
}

/** All runs, the newest first: to open one, or to lay several beside each other. */
export function RunList({ runs, openId, compared, onNew, onOpen, onCompare }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const nowMs = useNow();
  const { active } = useJobs();
  return (
    <nav className={classes.runs} aria-label={t('training.runs.label')}>
      <Button fullWidth variant="default" leftSection={<IconPlus size={15} />} onClick={onNew}>
        {t('training.runs.new')}
      </Button>
      <ul>
        {runs.map((run) => {
          const { id, config, state, last, jobId } = run;
          const loss = last?.eval_loss ?? last?.loss;
          return (
            <li key={id} className={classes.runItem} data-open={id === openId || compared.includes(id) || undefined}>
              {runs.length > 1 && (
                <Checkbox
                  size="xs"
                  aria-label={t('training.runs.compare', { name: config.name })}
                  checked={compared.includes(id)}
                  onChange={(event) => onCompare(event.currentTarget.checked ? [...compared, id] : compared.filter((one) => one !== id))}
                />
              )}
              <button type="button" aria-current={id === openId} onClick={() => onOpen(id)}>
                <span className={classes.runName}>{config.name}</span>
                <span className={`${classes.runNote} num`}>
                  {[
                    t(`training.states.${state}`),
                    loss == null ? null : t('training.runs.loss', { loss: format.fixed(loss, 3) }),
                    format.ago(config.createdMs, nowMs),
                  ]
                    .filter((part) => part !== null)
                    .join(' · ')}
                </span>
                {state === 'running' && (
                  <Progress label={config.name} fraction={active.find((job) => job.id === jobId)?.fraction ?? null} />
                )}
              </button>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}
