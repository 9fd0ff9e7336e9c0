import { Link } from '@tanstack/react-router';
import i18next from 'i18next';
import { memo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Thread } from '#contract/chat.ts';
import type { Input } from '../../api.ts';
import { Ring } from '../../components/progress.tsx';
import { goTo } from '../../navigation.ts';
import { apiInUse, asAppError, patch } from '../../queries.ts';
import { errorToast, undoToast } from '../../toasts.tsx';
import { useGenerations } from './generation.ts';
import { RenameField } from './rename-field.tsx';
import { ThreadMenu } from './thread-menu.tsx';
import classes from './threads.module.css';

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

interface Props {
  readonly thread: Thread;
  readonly current: boolean;
  /** Names of all folders. */
  readonly folders: readonly string[];
}

type Change = Omit<Input<'chat.update'>, 'threadId'>;

/** One conversation of the list, and what can be done with it. */
export const ThreadItem = memo(function ThreadItem({ thread, current, folders }: Props) {
  const { t } = useTranslation();
  const writing = useGenerations((state) => state.running[thread.id] !== undefined);
  const [naming, setNaming] = useState<'thread' | 'folder' | null>(null);
  // A menu costs as much as twenty rows, and there may be a thousand: it is made for whoever comes near.
  const [hasMenu, setHasMenu] = useState<'beside' | 'focused' | 'opened' | null>(null);
  const near = (): void => setHasMenu((known) => known ?? 'beside');
  const change = (changes: Change): void => {
    apiInUse()
      .call('chat.update', { threadId: thread.id, ...changes })
      .catch((error: unknown) => errorToast(asAppError(error)));
  };
  const move = (folder: string): void => change({ folder });

  if (naming !== null) {
    return (
      <li className={classes.thread}>
        <RenameField
          label={t(naming === 'thread' ? 'chat.renameLabel' : 'chatThreads.folderName')}
          value={naming === 'thread' ? thread.title : ''}
          onDone={(name) => {
            setNaming(null);
            if (name === null) return;
            if (naming === 'folder') move(name);
            else if (name !== thread.title) change({ title: name });
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
        onPointerEnter={near}
        onFocus={near}
        onDoubleClick={() => setNaming('thread')}
        onKeyDown={(event) => {
          if (event.key === 'F2') setNaming('thread');
          else if (event.key === 'Delete') void removeThread(thread, current);
          else return;
          event.preventDefault();
        }}
      >
        <span className={classes.threadTitle}>{thread.title}</span>
        {writing && <Ring fraction={null} size={13} />}
      </Link>
      {hasMenu === null ? (
        <button
          type="button"
          className={classes.menuPlace}
          aria-label={t('chat.threadMenu', { title: thread.title })}
          aria-haspopup="menu"
          onPointerEnter={near}
          onFocus={() => setHasMenu('focused')}
          onClick={() => setHasMenu('opened')}
        />
      ) : (
        <ThreadMenu
          thread={thread}
          folders={folders}
          asked={hasMenu}
          onName={setNaming}
          onMove={move}
          onRemove={() => void removeThread(thread, current)}
        />
      )}
    </li>
  );
});
