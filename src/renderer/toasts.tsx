import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconAlertTriangle, IconCircleCheck } from '@tabler/icons-react';
import i18next from 'i18next';
import { useEffect } from 'react';
import { fillText, type AppErrorData } from '#core/errors/index.ts';
import type { Job } from '#contract/jobs.ts';
import { formatsOf } from './format.ts';
import { useErrorWords } from './i18n/index.ts';
import { jobTitle } from './jobs/job-title.ts';
import { NextSteps, resultText } from './jobs/result.tsx';
import { openJobs, useLayers } from './layers.ts';
import { history } from './navigation.ts';
import { asAppError, keyOf, queryClient } from './queries.ts';
import type { Model } from '#contract/library.ts';
import classes from './toasts.module.css';

const GOOD = <IconCircleCheck size={18} className={classes.good} aria-hidden />;
const BAD = <IconAlertTriangle size={18} className={classes.bad} aria-hidden />;
const LOOK = { withBorder: false, color: 'transparent', withCloseButton: true } as const;

/** An error for which no place on the screen waits. */
export function errorToast(error: AppErrorData): void {
  const text = useErrorWords.getState().words[error.code];
  const fill = (words: string): string => fillText(words, error.params, i18next.language);
  notifications.show({
    ...LOOK,
    icon: BAD,
    title: fill(text.what),
    message: [fill(text.safe), fill(text.next)].join(i18next.t('common.betweenSentences')),
    autoClose: 12_000,
    closeButtonProps: closeProps(),
  });
}

const closeProps = () => ({ 'aria-label': i18next.t('common.close') });

/** In place of toasts of which one cannot be rendered: they go, what went wrong is said, and the page stays. */
export function BrokenToasts({ error, reset }: { readonly error: unknown; readonly reset: () => void }) {
  useEffect(() => {
    notifications.clean();
    reset();
    errorToast(asAppError(error));
  }, [error, reset]);
  return null;
}

/** How long a deed can be undone. */
export const UNDO_MS = 7000;

/** Says what was done, and offers to undo it. */
export function undoToast(id: string, message: string, undo: () => void, onClose?: () => void): void {
  notifications.show({
    ...LOOK,
    id,
    autoClose: UNDO_MS,
    closeButtonProps: closeProps(),
    ...(onClose === undefined ? {} : { onClose }),
    message: (
      <div className={classes.undo}>
        <span>{message}</span>
        <Button
          variant="light"
          onClick={() => {
            undo();
            notifications.hide(id);
          }}
        >
          {i18next.t('common.undo')}
        </Button>
      </div>
    ),
  });
}

/** Whether the screen for a job's model is open: it shows the job and what came of it. */
function isOnScreen({ spec }: Job): boolean {
  const { pathname, search } = history.location;
  const isShownThere = spec.kind === 'quantize' || spec.kind === 'calibrate' || spec.kind === 'quality';
  if (pathname !== '/convert' || !isShownThere) return false;
  // An id of digits is quoted in the address.
  const shownId = new URLSearchParams(search).get('model')?.replaceAll('"', '');
  return shownId === (spec.kind === 'quality' ? spec.sourceId : spec.modelId);
}

/** Says that a job has ended, and what one may want to do next. */
export function jobToast(job: Job): void {
  if (job.state !== 'done' && job.state !== 'failed') return;
  // Whoever looks at the jobs sees it there.
  if (useLayers.getState().jobsOpen || isOnScreen(job)) return;
  const models = queryClient.getQueryData<readonly Model[]>(keyOf('library.list', {})) ?? [];
  const id = `job-${job.id}`;
  const failed = job.state === 'failed' || (job.result?.kind === 'verify' && !job.result.matches);
  const hide = (): void => void notifications.hide(id);
  const note =
    job.state === 'failed' && job.error !== null
      ? fillText(useErrorWords.getState().words[job.error.code].what, job.error.params, i18next.language)
      : resultText(job, formatsOf(i18next.language), i18next.t);
  notifications.show({
    ...LOOK,
    id,
    icon: failed ? BAD : GOOD,
    title: jobTitle(job.spec, models, i18next.t),
    autoClose: failed ? 12_000 : 8000,
    closeButtonProps: closeProps(),
    message: (
      <>
        <div>{note}</div>
        <div className={classes.next}>
          {job.state === 'done' ? (
            <NextSteps job={job} onDone={hide} />
          ) : (
            <Button
              variant="default"
              onClick={() => {
                openJobs();
                hide();
              }}
            >
              {i18next.t('jobs.showDetails')}
            </Button>
          )}
        </div>
      </>
    ),
  });
}
