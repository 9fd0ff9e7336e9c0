import { Button } from '@mantine/core';
import { IconCircleCheck, IconCircleDashed, IconCircleX, IconPlayerPause, IconX } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Job } from '#contract/jobs.ts';
import { ErrorPanel } from '../components/error-panel.tsx';
import { IconButton } from '../components/icon-button.tsx';
import { Progress } from '../components/progress.tsx';
import { useFormat } from '../format.ts';
import { hasEnded } from '../live.ts';
import { useModels } from '../models.ts';
import { useAction } from '../queries.ts';
import { jobTitle, phaseText, progressParts } from './job-title.ts';
import { NextSteps, resultText } from './result.tsx';
import { Warnings } from './warnings.tsx';
import classes from './jobs.module.css';

const ICONS = {
  queued: IconCircleDashed,
  running: IconCircleDashed,
  done: IconCircleCheck,
  failed: IconCircleX,
  cancelled: IconCircleX,
  interrupted: IconPlayerPause,
} as const;

/** One job; every kind looks the same. `children`: what a screen adds to it. */
export function JobRow({ job, children }: { readonly job: Job; readonly children?: ReactNode }) {
  const { t } = useTranslation();
  const format = useFormat();
  const models = useModels();
  const cancel = useAction('jobs.cancel');
  const resume = useAction('jobs.resume');
  const clear = useAction('jobs.clear');
  const title = jobTitle(job.spec, models, t);
  const Icon = ICONS[job.state];
  const again = {
    label: t(job.resumable ? 'jobs.resume' : 'jobs.again'),
    run: () => resume.mutate({ jobId: job.id }),
    busy: resume.isPending,
  };

  return (
    <li className={classes.job} data-state={job.state}>
      <div className={classes.jobHead}>
        {hasEnded(job) && <Icon className={classes.jobIcon} size={16} aria-hidden />}
        <div className={classes.jobTitle}>
          {title}
          {!hasEnded(job) && (
            <div className={classes.jobNote}>
              {phaseText(job, t)}
              {job.detail !== null && <span className={classes.detail}> · {job.detail}</span>}
            </div>
          )}
          {job.state === 'done' && <div className={classes.jobNote}>{resultText(job, format, t)}</div>}
          {(job.state === 'cancelled' || job.state === 'interrupted') && (
            <div className={classes.jobNote}>{t(`jobs.states.${job.state}`)}</div>
          )}
        </div>
        {hasEnded(job) ? (
          <IconButton size={24} label={t('jobs.forget', { title })} onClick={() => clear.mutate({ jobId: job.id })}>
            <IconX size={14} />
          </IconButton>
        ) : (
          <Button
            variant="default"
            aria-label={t('jobs.cancelNamed', { title })}
            loading={cancel.isPending}
            onClick={() => cancel.mutate({ jobId: job.id })}
          >
            {t('common.cancel')}
          </Button>
        )}
      </div>
      {job.state === 'running' && (
        <>
          <Progress label={title} fraction={job.fraction} />
          <div className={`${classes.figures} num`}>
            <span>{progressParts(job, format, t).join(' · ')}</span>
            <span>{job.fraction !== null ? format.percent(job.fraction) : ''}</span>
          </div>
        </>
      )}
      {job.state === 'failed' && job.error !== null && (
        <div className={classes.jobError}>
          <ErrorPanel error={job.error} action={again} />
        </div>
      )}
      {(job.state === 'cancelled' || job.state === 'interrupted') && (
        <div className={classes.next}>
          <Button variant="default" loading={again.busy} onClick={again.run}>
            {again.label}
          </Button>
        </div>
      )}
      {job.result?.kind === 'quantize' && <Warnings warnings={job.result.warnings} />}
      {job.result?.kind === 'quantize' && job.result.cardProblem !== null && <Warnings warnings={[job.result.cardProblem]} />}
      {job.state === 'done' && (
        <div className={classes.next}>
          <NextSteps job={job} />
        </div>
      )}
      {children}
    </li>
  );
}
