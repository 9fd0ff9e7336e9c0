import { Popover } from '@mantine/core';
import { IconCloud } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Chat } from './use-chat.ts';
import classes from './remote.module.css';

/** In the header of a conversation with a remote engine: that it is one; opened, what that means. */
export function RemoteBadge({ chat }: { readonly chat: Chat }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const engine = chat.remote?.engine;
  if (engine === undefined) return null;
  const { name, host, isEncrypted, reach } = engine;
  return (
    <Popover position="bottom-end" opened={open} onChange={setOpen} trapFocus returnFocus width={336}>
      <Popover.Target>
        <button type="button" className={classes.badgeButton} onClick={() => setOpen(!open)}>
          <IconCloud size={14} stroke={1.8} aria-hidden />
          {t('remoteChat.notLocal')}
        </button>
      </Popover.Target>
      <Popover.Dropdown aria-label={t('remoteChat.notLocal')} className={classes.about ?? ''} tabIndex={-1} data-autofocus>
        <p>
          {t(reach === 'loopback' ? 'remoteChat.whatHere' : 'remoteChat.what', { engine: name, host })}{' '}
          {!isEncrypted && reach !== 'loopback' && t('remoteChat.open')}
        </p>
        <p>{t('remoteChat.context')}</p>
        <p>{t('remoteChat.without')}</p>
      </Popover.Dropdown>
    </Popover>
  );
}
