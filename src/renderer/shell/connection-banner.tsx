import { useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { Ring } from '../components/progress.tsx';
import { apiInUse } from '../queries.ts';
import classes from './shell.module.css';

export const useLink = () => useSyncExternalStore(apiInUse().onLink, apiInUse().link);

/** Says calmly that the program is away and that the page is trying. */
export function ConnectionBanner() {
  const { t } = useTranslation();
  const link = useLink();
  return (
    <div role="status">
      {link.state === 'lost' && (
        <div className={classes.banner}>
          <Ring fraction={null} size={14} />
          {t('shell.lost')}
        </div>
      )}
    </div>
  );
}
