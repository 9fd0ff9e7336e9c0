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
import { useTranslation } from 'react-i18next';
import type { Thread } from '#contract/chat.ts';
import { IconButton } from '../../components/icon-button.tsx';
import { saveThread } from './thread-files.ts';
import classes from './threads.module.css';

const ICON = { size: 15, stroke: 1.8 };

interface Props {
  readonly thread: Thread;
  /** Names of all folders. */
  readonly folders: readonly string[];
  /** How it came to be here. */
  readonly asked: 'beside' | 'focused' | 'opened';
  readonly onName: (what: 'thread' | 'folder') => void;
  readonly onMove: (folder: string) => void;
  readonly onRemove: () => void;
}

/** It takes the place of what had the focus. */
const focusOnce = (button: HTMLButtonElement | null): void => button?.focus();

/** What can be done with a conversation. */
export function ThreadMenu({ thread, folders, asked, onName, onMove, onRemove }: Props) {
  const { t } = useTranslation();
  return (
    <Menu position="bottom-end" defaultOpened={asked === 'opened'}>
      <Menu.Target>
        <IconButton
          ref={asked === 'focused' ? focusOnce : null}
          size={24}
          label={t('chat.threadMenu', { title: thread.title })}
          className={classes.threadMenu ?? ''}
        >
          <IconDots size={15} />
        </IconButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconPencil {...ICON} />} onClick={() => onName('thread')}>
          {t('chat.rename')}
        </Menu.Item>
        <Menu.Divider />
        {folders
          .filter((folder) => folder !== thread.folder)
          .map((folder) => (
            <Menu.Item key={folder} leftSection={<IconFolder {...ICON} />} onClick={() => onMove(folder)}>
              {t('chatThreads.moveTo', { folder })}
            </Menu.Item>
          ))}
        <Menu.Item leftSection={<IconFolderPlus {...ICON} />} onClick={() => onName('folder')}>
          {t('chatThreads.moveToNew')}
        </Menu.Item>
        {thread.folder !== '' && (
          <Menu.Item leftSection={<IconFolderOff {...ICON} />} onClick={() => onMove('')}>
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
        <Menu.Item data-danger leftSection={<IconTrash {...ICON} />} onClick={onRemove}>
          {t('chat.remove')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
