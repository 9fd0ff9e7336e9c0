import { Menu, TextInput } from '@mantine/core';
import { IconDots, IconEdit, IconPencil, IconSearch, IconTrash } from '@tabler/icons-react';
import i18next from 'i18next';
import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Thread } from '#contract/chat.ts';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { IconButton } from '../../components/icon-button.tsx';
import { ScreenTitle } from '../../components/screen-title.tsx';
import { Ring } from '../../components/progress.tsx';
import { goTo } from '../../navigation.ts';
import { apiInUse, asAppError, patch, useAction, useCall } from '../../queries.ts';
import { errorToast, undoToast } from '../../toasts.tsx';
import { useNow } from '../../use-now.ts';
import { useGenerations } from './generation.ts';
import { groupThreads, type GroupName } from './thread-groups.ts';
import classes from './chat.module.css';

/** Fewer than this are overlooked at a glance: no search box then. */
const SEARCH_FROM = 6;

/** All conversations, by day. */
export function ThreadList({ currentId, width }: { readonly currentId: string | null; readonly width: number }) {
  const { t, i18n } = useTranslation();
  const { data: threads, error, refetch } = useCall('chat.threads', {});
  const [query, setQuery] = useState('');
  const nowMs = useNow();
  const groups = useMemo(() => {
    const word = query.trim().toLocaleLowerCase();
    return groupThreads(
      (threads ?? []).filter(({ title }) => title.toLocaleLowerCase().includes(word)),
      nowMs,
    );
  }, [threads, query, nowMs]);
  const nameOf = (name: GroupName): string =>
    typeof name === 'string'
      ? t(`chat.groups.${name}`)
      : new Intl.DateTimeFormat(i18n.language, { year: 'numeric', month: 'long' }).format(new Date(name.year, name.month, 1));

  return (
    <nav className={classes.threads} style={{ width }} aria-label={t('chat.threads')}>
      <div className={classes.threadsHead}>
        <ScreenTitle className={classes.title}>{t('screens.chat')}</ScreenTitle>
        <IconButton label={t('chat.new')} keys={{ desktop: 'mod+n', browser: 'alt+n' }} onClick={() => goTo.newChat()}>
          <IconEdit size={17} stroke={1.7} />
        </IconButton>
      </div>
      {(threads?.length ?? 0) >= SEARCH_FROM && (
        <TextInput
          type="search"
          className={classes.threadSearch ?? ''}
          aria-label={t('chat.search')}
          placeholder={t('chat.search')}
          value={query}
          leftSection={<IconSearch size={15} stroke={1.8} />}
          onChange={(event) => setQuery(event.currentTarget.value)}
        />
      )}
      <div className={classes.threadScroll}>
        {error !== null && <ErrorPanel error={error} action={{ label: t('common.retry'), run: () => void refetch() }} />}
        {threads?.length === 0 && <p className={classes.noThreads}>{t('chat.noThreads')}</p>}
        {query !== '' && groups.length === 0 && <p className={classes.noThreads}>{t('chat.noThreadFound')}</p>}
        {groups.map(({ key, name, threads: members }) => (
          <section key={key} aria-labelledby={`group-${key}`}>
            <h2 id={`group-${key}`} className={classes.groupName}>
              {nameOf(name)}
            </h2>
            <ul>
              {members.map((thread) => (
                <ThreadItem key={thread.id} thread={thread} current={thread.id === currentId} />
              ))}
            </ul>
          </section>
        ))}
      </div>
    </nav>
  );
}

/** Take a thread away at once; the program can bring it back whole. */
async function removeThread(thread: Thread, current: boolean): Promise<void> {
  useGenerations.getState().running[thread.id]?.stop();
  try {
    await apiInUse().call('chat.remove', { threadId: thread.id });
  } catch (error) {
    return errorToast(asAppError(error));
  }
  patch('chat.threads', {}, (threads) => threads.filter(({ id }) => id !== thread.id));
  if (current) goTo.newChat();
  undoToast(`thread-${thread.id}`, i18next.t('chat.removed', { title: thread.title }), () => {
    void apiInUse()
      .call('chat.restore', { threadId: thread.id })
      .then(
        ({ id }) => goTo.thread(id),
        (error: unknown) => errorToast(asAppError(error)),
      );
  });
}

function ThreadItem({ thread, current }: { readonly thread: Thread; readonly current: boolean }) {
  const { t } = useTranslation();
  const update = useAction('chat.update');
  const writing = useGenerations((state) => state.running[thread.id] !== undefined);
  const [renaming, setRenaming] = useState(false);

  const rename = (title: string): void => {
    setRenaming(false);
    if (title.trim() !== '' && title !== thread.title) update.mutate({ threadId: thread.id, title: title.trim() }, { onError: errorToast });
  };

  if (renaming) {
    return (
      <li className={classes.thread}>
        <input
          className={classes.rename}
          aria-label={t('chat.renameLabel')}
          defaultValue={thread.title}
          maxLength={200}
          ref={(element) => element?.select()}
          onBlur={(event) => rename(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.nativeEvent.isComposing) return;
            if (event.key === 'Enter') rename(event.currentTarget.value);
            if (event.key === 'Escape') setRenaming(false);
          }}
        />
      </li>
    );
  }
  return (
    <li className={classes.thread} data-current={current || undefined}>
      <Link
        to="/chat/{-$threadId}"
        params={{ threadId: thread.id }}
        className={classes.threadLink}
        aria-current={current ? 'page' : undefined}
        onDoubleClick={() => setRenaming(true)}
        onKeyDown={(event) => {
          if (event.key === 'F2') setRenaming(true);
          else if (event.key === 'Delete') void removeThread(thread, current);
          else return;
          event.preventDefault();
        }}
      >
        <span className={classes.threadTitle}>{thread.title}</span>
        {writing && <Ring fraction={null} size={13} />}
      </Link>
      <Menu position="bottom-end">
        <Menu.Target>
          <IconButton size={24} label={t('chat.threadMenu', { title: thread.title })} className={classes.threadMenu ?? ''}>
            <IconDots size={15} />
          </IconButton>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={15} stroke={1.8} />} onClick={() => setRenaming(true)}>
            {t('chat.rename')}
          </Menu.Item>
          <Menu.Item data-danger leftSection={<IconTrash size={15} stroke={1.8} />} onClick={() => void removeThread(thread, current)}>
            {t('chat.remove')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </li>
  );
}
