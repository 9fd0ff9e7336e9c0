import { IconChevronRight } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Certificate } from '#contract/adapters.ts';
import type { Job } from '#contract/jobs.ts';
import { CertificateView } from '../../certificate/certificate-view.tsx';
import { JobRow } from '../../jobs/job-row.tsx';
import { useJobs } from '../../jobs/use-jobs.ts';
import classes from './adapters.module.css';

const KINDS: ReadonlySet<Job['spec']['kind']> = new Set(['merge', 'combine', 'extract', 'convertAdapter', 'certify']);

/** When this page was opened: what ended well before then is in the drawer of all jobs. */
const openedMs = performance.timeOrigin;

/** What is being made and what came of it, with the proof of each merge. */
export function AdaptersWork() {
  const { t } = useTranslation();
  const { active, ended } = useJobs();
  const isNews = ({ state, finishedMs }: Job): boolean => state === 'failed' || state === 'interrupted' || (finishedMs ?? 0) > openedMs;
  const jobs = [...active, ...ended.filter(isNews)].filter(({ spec }) => KINDS.has(spec.kind));
  if (jobs.length === 0) return null;
  return (
    <section className={classes.section} aria-labelledby="adapters-work">
      <h2 className={classes.sectionTitle} id="adapters-work">
        {t('adapters.work')}
      </h2>
      <ul className={classes.jobs}>
        {jobs.map((job) => {
          const certificate = job.result !== null && 'certificate' in job.result ? job.result.certificate : null;
          return (
            <JobRow key={job.id} job={job}>
              {certificate !== null && <CertificateFold certificate={certificate} />}
            </JobRow>
          );
        })}
      </ul>
    </section>
  );
}

/** A proof that is not green is not overlooked: it is open. */
function CertificateFold({ certificate }: { readonly certificate: Certificate }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(certificate.measure.verdict !== 'green');
  return (
    <>
      <button type="button" className={classes.fold} aria-expanded={open} onClick={() => setOpen(!open)}>
        <IconChevronRight size={14} aria-hidden />
        {t('certificate.title')}
      </button>
      {open && (
        <div className={classes.resultCard}>
          <CertificateView certificate={certificate} />
        </div>
      )}
    </>
  );
}
