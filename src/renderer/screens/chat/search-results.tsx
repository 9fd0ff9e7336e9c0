import { useDebouncedValue } from '@mantine/hooks';
import { useTranslation } from 'react-i18next';
import type { SearchHit } from '#contract/chat.ts';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { asAppError, useCall } from '../../queries.ts';
import { errorToast } from '../../toasts.tsx';
import { showMessage } from './wanted-place.ts';
import classes from './threads.module.css';

/** How long after the last key the messages are searched. */
const SEARCH_MS = 200;

/** Messages of all threads that hold what is searched. */
export function SearchResults({ query }: { readonly query: string }) {
  const { t } = useTranslation();
  const [settled] = useDebouncedValue(query.trim(), SEARCH_MS);
  const { data: hits, error } = useCall('chat.search', { query: settled }, { enabled: settled !== '', keepPrevious: true });
  if (settled === '') return null;
  return (
    <section aria-labelledby="found-messages">
      <h2 id="found-messages" className={classes.groupName}>
        {t('chatThreads.inMessages')}
      </h2>
      {error !== null && <ErrorPanel error={error} />}
      {hits?.length === 0 && <p className={classes.none}>{t('chatThreads.noMessageFound')}</p>}
      <ul>
        {hits?.map((hit) => (
          <Hit key={hit.messageId} hit={hit} />
        ))}
      </ul>
    </section>
  );
}

function Hit({ hit }: { readonly hit: SearchHit }) {
  const [before, found, after] = hit.excerpt;
  return (
    <li>
      <button
        type="button"
        className={classes.hit}
        onClick={() => void showMessage(hit.threadId, hit.messageId).catch((error: unknown) => errorToast(asAppError(error)))}
      >
        <span className={classes.hitTitle}>{hit.title}</span>
        <span className={classes.hitText}>
          {before}
          <mark>{found}</mark>
          {after}
        </span>
      </button>
    </li>
  );
}
