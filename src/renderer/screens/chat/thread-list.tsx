import { TextInput } from '@mantine/core';
import { IconEdit, IconFileImport, IconSearch } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { IconButton } from '../../components/icon-button.tsx';
import { ScreenTitle } from '../../components/screen-title.tsx';
import { goTo } from '../../navigation.ts';
import { useCall } from '../../queries.ts';
import { useNow } from '../../use-now.ts';
import { SearchResults } from './search-results.tsx';
import { openThreads } from './thread-files.ts';
import { ThreadFolder } from './thread-folder.tsx';
import { groupThreads, type GroupName } from './thread-groups.ts';
import { ThreadItem } from './thread-item.tsx';
import classes from './threads.module.css';

/** All conversations: folders first, the others by day; searched by title and by what was said in them. */
export function ThreadList({ currentId, width }: { readonly currentId: string | null; readonly width: number }) {
  const { t, i18n } = useTranslation();
  const { data: threads, error, refetch } = useCall('chat.threads', {});
  const [query, setQuery] = useState('');
  const nowMs = useNow();
  const folders = useMemo(() => {
    const inFolders = (threads ?? []).filter(({ folder }) => folder !== '');
    return [...Map.groupBy(inFolders, ({ folder }) => folder)].toSorted(([left], [right]) => left.localeCompare(right));
  }, [threads]);
  const isSearching = query.trim() !== '';
  const groups = useMemo(() => {
    const words = query.trim().toLocaleLowerCase();
    return groupThreads(
      (threads ?? []).filter(({ title, folder }) => (isSearching ? title.toLocaleLowerCase().includes(words) : folder === '')),
      nowMs,
    );
  }, [threads, query, isSearching, nowMs]);
  const names = useMemo(() => folders.map(([name]) => name), [folders]);
  const nameOf = (name: GroupName): string =>
    typeof name === 'string'
      ? t(`chat.groups.${name}`)
      : new Intl.DateTimeFormat(i18n.language, { year: 'numeric', month: 'long' }).format(new Date(name.year, name.month, 1));

  return (
    <nav className={classes.threads} style={{ width }} aria-label={t('chat.threads')}>
      <div className={classes.head}>
        <ScreenTitle className={classes.title}>{t('screens.chat')}</ScreenTitle>
        <IconButton label={t('chatThreads.open')} onClick={openThreads}>
          <IconFileImport size={17} stroke={1.7} />
        </IconButton>
        <IconButton label={t('chat.new')} keys={{ desktop: 'mod+n', browser: 'alt+n' }} onClick={() => goTo.newChat()}>
          <IconEdit size={17} stroke={1.7} />
        </IconButton>
      </div>
      {(threads?.length ?? 0) > 0 && (
        <TextInput
          type="search"
          className={classes.search ?? ''}
          aria-label={t('chat.search')}
          placeholder={t('chat.search')}
          maxLength={200}
          value={query}
          leftSection={<IconSearch size={15} stroke={1.8} />}
          onChange={(event) => setQuery(event.currentTarget.value)}
        />
      )}
      <div className={classes.scroll}>
        {error !== null && <ErrorPanel error={error} action={{ label: t('common.retry'), run: () => void refetch() }} />}
        {threads?.length === 0 && <p className={classes.none}>{t('chat.noThreads')}</p>}
        {isSearching && groups.length === 0 && <p className={classes.none}>{t('chat.noThreadFound')}</p>}
        {!isSearching &&
          folders.map(([name, members]) => (
            <ThreadFolder key={name} name={name} count={members.length}>
              {members.map((thread) => (
                <ThreadItem key={thread.id} thread={thread} current={thread.id === currentId} folders={names} />
              ))}
            </ThreadFolder>
          ))}
        {groups.map(({ key, name, threads: members }) => (
          <section key={key} aria-labelledby={`group-${key}`}>
            <h2 id={`group-${key}`} className={classes.groupName}>
              {nameOf(name)}
            </h2>
            <ul>
              {members.map((thread) => (
                <ThreadItem key={thread.id} thread={thread} current={thread.id === currentId} folders={names} />
              ))}
            </ul>
          </section>
        ))}
        {isSearching && <SearchResults query={query} />}
      </div>
    </nav>
  );
}
