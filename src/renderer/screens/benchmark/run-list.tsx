import { Button } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { BenchmarkRun } from '#contract/benchmark.ts';
import { Progress } from '../../components/progress.tsx';
import { useFormat } from '../../format.ts';
import { useNow } from '../../use-now.ts';
import classes from './benchmark.module.css';

interface Props {
  readonly runs: readonly BenchmarkRun[];
  readonly openId: string | undefined;
  readonly onNew: () => void;
  readonly onOpen: (id: string) => void;
}

/** All runs, the newest first. */
export function RunList({ runs, openId, onNew, onOpen }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const nowMs = useNow();
  return (
    <nav className={classes.runs} aria-label={t('benchmark.runs.label')}>
      <Button fullWidth variant="default" leftSection={<IconPlus size={15} />} onClick={onNew}>
        {t('benchmark.runs.new')}
      </Button>
      <ul>
        {runs.map(({ id, name, state, cells, isImported, environment, createdMs }) => (
          <li key={id} className={classes.runItem} data-open={id === openId || undefined}>
            <button type="button" aria-current={id === openId} onClick={() => onOpen(id)}>
              <span className={classes.runName}>{name}</span>
              <span className={`${classes.runNote} num`}>
                {(isImported
                  ? [environment?.name ?? t('benchmark.runs.computer'), format.day(createdMs)]
                  : [
                      state === 'done'
                        ? t(`benchmark.states.${state}`)
                        : t('benchmark.runs.progress', {
                            done: format.number(cells.done + cells.failed),
                            total: format.number(cells.total),
                          }),
                      format.ago(createdMs, nowMs),
                    ]
                ).join(' · ')}
              </span>
              {state === 'running' && <Progress label={name} fraction={(cells.done + cells.failed) / Math.max(1, cells.total)} />}
            </button>
          </li>
        ))}
      </ul>
    </nav>
  );
}
