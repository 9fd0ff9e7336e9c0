import { IconPencil } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { CopyButton } from '../../components/copy-button.tsx';
import { IconButton } from '../../components/icon-button.tsx';
import type { Turn } from './message-tree.ts';
import { SiblingSwitch } from './sibling-switch.tsx';
import type { Chat } from './use-chat.ts';
import classes from './chat.module.css';

/** What the user wrote. */
export function UserTurn({ turn, chat, threadId }: { readonly turn: Turn; readonly chat: Chat; readonly threadId: string }) {
  const { t } = useTranslation();
  const editing = chat.draft.editing?.id === turn.message.id || undefined;
  if (chat.settings.mode === 'text') {
    // What can be done with it stands below the text that goes on from it.
    return (
      <article className={classes.prompt} aria-label={t('chat.you')} data-editing={editing}>
        {turn.message.text}
      </article>
    );
  }
  return (
    <article className={classes.user} aria-label={t('chat.you')} data-editing={editing}>
      <div className={classes.userText}>{turn.message.text}</div>
      <div className={classes.turnActions}>
        <UserActions turn={turn} chat={chat} threadId={threadId} />
      </div>
    </article>
  );
}

/** Other wordings, copy, edit. */
export function UserActions({ turn, chat, threadId }: { readonly turn: Turn; readonly chat: Chat; readonly threadId: string }) {
  const { t } = useTranslation();
  return (
    <>
      <SiblingSwitch turn={turn} threadId={threadId} />
      {chat.settings.mode === 'chat' && <CopyButton text={turn.message.text} label={t('chat.copyMessage')} />}
      <IconButton
        size={26}
        label={t('chat.edit')}
        disabled={chat.generation !== undefined}
        onClick={() => {
          chat.edit(turn);
          document.querySelector<HTMLElement>('[data-composer]')?.focus();
        }}
      >
        <IconPencil size={15} stroke={1.8} />
      </IconButton>
    </>
  );
}
