import { Button, CloseButton, Drawer } from '@mantine/core';
import { IconListCheck } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { EmptyState } from '../components/empty-state.tsx';
import { closeJobs, useLayers } from '../layers.ts';
import { useAction } from '../queries.ts';
import { JobRow } from './job-row.tsx';
import { useJobs } from './use-jobs.ts';
import classes from './jobs.module.css';

/** All long work of the app, under way and ended, in one look. */
export function JobsDrawer() {
  const { t } = useTranslation();
  const { active, ended } = useJobs();
  const clear = useAction('jobs.clear');
  const covered = useLayers((state) => state.dialog !== null);
  return (
    <Drawer
      opened
      onClose={closeJobs}
      // Escape closes the top layer only.
      closeOnEscape={!covered}
      position="right"
      size="26rem"
      withCloseButton={false}
      padding={0}
      transitionProps={{ duration: 140 }}
      classNames={{ body: classes.body ?? '' }}
      attributes={{ content: { 'aria-label': t('jobs.title') } }}
    >
      <header className={classes.head}>
        <h2 className={classes.title} tabIndex={-1} data-autofocus>
          {t('jobs.title')}
        </h2>
        {ended.length > 0 && (
          <Button variant="subtle" color="gray" onClick={() => clear.mutate({})}>
            {t('jobs.clear')}
          </Button>
        )}
        <CloseButton aria-label={t('common.close')} onClick={closeJobs} />
      </header>
      <div className={classes.list}>
        {active.length + ended.length === 0 && (
          <EmptyState icon={<IconListCheck size={22} stroke={1.5} />} title={t('jobs.empty.title')} text={t('jobs.empty.text')} />
        )}
        {active.length > 0 && (
          <section aria-label={t('jobs.underWay')}>
            <ul>
              {active.map((job) => (
                <JobRow key={job.id} job={job} />
              ))}
            </ul>
          </section>
        )}
        {ended.length > 0 && (
          <section aria-labelledby="jobs-ended">
            <h3 className={classes.section} id="jobs-ended">
              {t('jobs.ended')}
            </h3>
            <ul>
              {ended.map((job) => (
                <JobRow key={job.id} job={job} />
              ))}
            </ul>
          </section>
        )}
      </div>
    </Drawer>
  );
}
