import { Menu } from '@mantine/core';
import {
  IconDots,
  IconFileTypography,
  IconFolder,
  IconFolderOff,
  IconFolderPlus,
  IconJson,
  IconPencil,
  IconTrash,
} from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import i18next from 'i18next';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Thread } from '#contract/chat.ts';
import { IconButton } from '../../components/icon-button.tsx';
import { Ring } from '../../components/progress.tsx';
import { goTo } from '../../navigation.ts';
import { apiInUse, asAppError, patch, useAction } from '../../queries.ts';
import { errorToast, undoToast } from '../../toasts.tsx';
import { useGenerations } from './generation.ts';
import { RenameField } from './rename-field.tsx';
import { saveThread } from './thread-files.ts';
import classes from './threads.module.css';

const ICON = { size: 15, stroke: 1.8 };

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

/** One conversation of the list, and what can be done with it. */
export function ThreadItem({ thread, current, folders }: Props) {
  const { t } = useTranslation();
  const update = useAction('chat.update');
  const writing = useGenerations((state) => state.running[thread.id] !== undefined);
  const [naming, setNaming] = useState<'thread' | 'folder' | null>(null);
  const move = (folder: string): void => update.mutate({ threadId: thread.id, folder }, { onError: errorToast });

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
            else if (name !== thread.title) update.mutate({ threadId: thread.id, title: name }, { onError: errorToast });
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
      <Menu position="bottom-end">
        <Menu.Target>
          <IconButton size={24} label={t('chat.threadMenu', { title: thread.title })} className={classes.threadMenu ?? ''}>
            <IconDots size={15} />
          </IconButton>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil {...ICON} />} onClick={() => setNaming('thread')}>
            {t('chat.rename')}
          </Menu.Item>
          <Menu.Divider />
          {folders
            .filter((folder) => folder !== thread.folder)
            .map((folder) => (
              <Menu.Item key={folder} leftSection={<IconFolder {...ICON} />} onClick={() => move(folder)}>
                {t('chatThreads.moveTo', { folder })}
              </Menu.Item>
            ))}
          <Menu.Item leftSection={<IconFolderPlus {...ICON} />} onClick={() => setNaming('folder')}>
            {t('chatThreads.moveToNew')}
          </Menu.Item>
          {thread.folder !== '' && (
            <Menu.Item leftSection={<IconFolderOff {...ICON} />} onClick={() => move('')}>
              {t('chatThreads.moveOut', { folder: thread.folder })}
            </Menu.Item>
          )}
          <Menu.Divider />
          <Menu.Item leftSection={<IconFileTypography {...ICON} />} onClick={() => void saveThread(thread.id, 'markdown')}>
            {t('chatThreads.saveMarkdown')}
          </Menu.Item>
          <Menu.Item leftSection={<IconJson {...ICON} />} onClick={() => void saveThread(thread.id, 'json')}>
            {t('chatThreads.saveJson')}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item data-danger leftSection={<IconTrash {...ICON} />} onClick={() => void removeThread(thread, current)}>
            {t('chat.remove')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </li>
  );
}
