import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../format.ts';
import { useModels } from '../models.ts';
import { jobTitle } from './job-title.ts';
import { useJobs } from './use-jobs.ts';

/** Tells screen readers how far the first job is, at each quarter and no more often. */
export function JobAnnouncer() {
  const { t } = useTranslation();
  const format = useFormat();
  const models = useModels();
  const { active } = useJobs();
  const job = active.find(({ state, fraction }) => state === 'running' && fraction !== null);
  const quarter = job?.fraction === undefined || job.fraction === null ? 0 : Math.floor(job.fraction * 4);
  const key = job === undefined || quarter === 0 ? '' : `${job.id}:${quarter}`;
  const [said, setSaid] = useState({ key: '', text: '' });
  if (key !== said.key) {
    setSaid({ key, text: job === undefined || key === '' ? '' : `${jobTitle(job.spec, models, t)}: ${format.percent(quarter / 4)}` });
  }
  return (
    <div className="sr-only" role="status">
      {said.text}
    </div>
  );
}
