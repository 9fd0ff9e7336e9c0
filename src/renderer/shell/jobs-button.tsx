import { IconListCheck } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Kbd } from '../components/kbd.tsx';
import { Ring } from '../components/progress.tsx';
import { openJobs, useLayers } from '../layers.ts';
import { useJobs } from '../jobs/use-jobs.ts';
import { RailTip } from './rail-tip.tsx';
import classes from './rail.module.css';

/** How much work is under way, and the way to it. */
export function JobsButton({ folded }: { readonly folded: boolean }) {
  const { t } = useTranslation();
  const { active, fraction } = useJobs();
  const open = useLayers((state) => state.jobsOpen);
  const label = active.length === 0 ? t('jobs.title') : t('jobs.active', { count: active.length });
  return (
    <RailTip label={label} keys="mod+j" folded={folded}>
      <button
        type="button"
        className={classes.item}
        aria-label={folded ? label : undefined}
        aria-haspopup="dialog"
        aria-expanded={open}
        onClick={openJobs}
      >
        {active.length === 0 ? <IconListCheck size={17} stroke={1.7} aria-hidden /> : <Ring fraction={fraction} size={17} />}
        {!folded && <span className={classes.itemText}>{t('jobs.title')}</span>}
        {!folded && active.length > 0 && <span className={`${classes.count} num`}>{active.length}</span>}
        {!folded && active.length === 0 && (
          <span className={classes.itemKeys}>
            <Kbd keys="mod+j" />
          </span>
        )}
      </button>
    </RailTip>
  );
}
