import { IconChevronRight } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Job } from '#contract/jobs.ts';
import type { QualityCard as Card } from '#contract/quantize.ts';
import { JobRow } from '../../jobs/job-row.tsx';
import { useJobs } from '../../jobs/use-jobs.ts';
import { QualityCard } from '../../quality/quality-card.tsx';
import classes from './convert.module.css';

const KINDS: ReadonlySet<Job['spec']['kind']> = new Set(['quantize', 'calibrate', 'quality']);

/** When this page was opened: what ended well before then is in the drawer of all jobs, and its result in the table. */
const openedMs = performance.timeOrigin;

/** What is being made of this source and what came of it: the same rows as in the drawer, where the work was started. */
export function ConvertWork({ modelId }: { readonly modelId: string }) {
  const { t } = useTranslation();
  const { active, ended } = useJobs();
  const isOfSource = ({ spec }: Job): boolean =>
    KINDS.has(spec.kind) && ((spec.kind === 'quality' && spec.sourceId === modelId) || ('modelId' in spec && spec.modelId === modelId));
  const isNews = ({ state, finishedMs }: Job): boolean => state === 'failed' || state === 'interrupted' || (finishedMs ?? 0) > openedMs;
  const jobs = [...active, ...ended.filter(isNews)].filter(isOfSource);
  if (jobs.length === 0) return null;
  return (
    <section className={classes.section} aria-labelledby="convert-work">
      <h2 className={classes.sectionTitle} id="convert-work">
        {t('convert.work')}
      </h2>
      <ul className={classes.jobs}>
        {jobs.map((job) => (
          <JobRow key={job.id} job={job}>
            {job.result?.kind === 'quantize' && job.result.card !== null && <CardFold card={job.result.card} />}
            {job.result?.kind === 'quality' && <CardFold card={job.result.card} />}
          </JobRow>
        ))}
      </ul>
    </section>
  );
}

/** The card of a result, when it is asked for. */
function CardFold({ card }: { readonly card: Card }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" className={classes.fold} aria-expanded={open} onClick={() => setOpen(!open)}>
        <IconChevronRight size={14} aria-hidden />
        {t('quality.card')}
      </button>
      {open && (
        <div className={classes.resultCard}>
          <QualityCard card={card} />
        </div>
      )}
    </>
  );
}
