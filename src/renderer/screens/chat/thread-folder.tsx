import { Menu } from '@mantine/core';
import { IconChevronRight, IconDots, IconFolderOff, IconPencil } from '@tabler/icons-react';
import { useId, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { IconButton } from '../../components/icon-button.tsx';
import { useAction } from '../../queries.ts';
import { errorToast } from '../../toasts.tsx';
import { RenameField } from './rename-field.tsx';
import classes from './threads.module.css';

interface Props {
  readonly name: string;
  readonly count: number;
  readonly children: ReactNode;
}

/** Conversations that the user put together. */
export function ThreadFolder({ name, count, children }: Props) {
  const { t } = useTranslation();
  const rename = useAction('chat.renameFolder');
  const [open, setOpen] = useState(true);
  const [renaming, setRenaming] = useState(false);
  const id = useId();
  const change = (to: string): void => rename.mutate({ from: name, to }, { onError: errorToast });
  return (
    <section aria-label={name}>
      {renaming ? (
        <RenameField
          label={t('chatThreads.folderName')}
          value={name}
          onDone={(to) => {
            setRenaming(false);
            if (to !== null && to !== name) change(to);
          }}
        />
      ) : (
        <div className={classes.folder}>
          <h2>
            <button type="button" className={classes.folderHead} aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
              <IconChevronRight size={13} aria-hidden />
              <span className={classes.folderName}>{name}</span>
              <span className="num">{count}</span>
            </button>
          </h2>
          <Menu position="bottom-end">
            <Menu.Target>
              <IconButton size={24} label={t('chatThreads.folderMenu', { folder: name })} className={classes.threadMenu ?? ''}>
                <IconDots size={15} />
              </IconButton>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item leftSection={<IconPencil size={15} stroke={1.8} />} onClick={() => setRenaming(true)}>
                {t('chat.rename')}
              </Menu.Item>
              <Menu.Item leftSection={<IconFolderOff size={15} stroke={1.8} />} onClick={() => change('')}>
                {t('chatThreads.dissolve')}
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </div>
      )}
      <ul id={id} hidden={!open}>
        {children}
      </ul>
    </section>
  );
}
