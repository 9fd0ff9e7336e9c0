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
  return (
    <article className={classes.user} aria-label={t('chat.you')} data-editing={chat.draft.editing?.id === turn.message.id || undefined}>
      <div className={classes.userText}>{turn.message.text}</div>
      <div className={classes.turnActions}>
        <SiblingSwitch turn={turn} threadId={threadId} />
        <CopyButton text={turn.message.text} label={t('chat.copyMessage')} />
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
      </div>
    </article>
  );
}
