import { IconPencil, IconTrash } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { CopyButton } from '../../components/copy-button.tsx';
import { IconButton } from '../../components/icon-button.tsx';
import { SiblingSwitch } from './sibling-switch.tsx';
import type { TurnProps } from './turn-props.ts';
import classes from './chat.module.css';

/** What the user wrote. */
export function UserTurn(props: TurnProps) {
  const { t } = useTranslation();
  const { turn, mode, editingId } = props;
  const editing = editingId === turn.message.id || undefined;
  if (mode === 'text') {
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
        <UserActions {...props} />
      </div>
    </article>
  );
}

/** Other wordings, copy, edit, delete. */
export function UserActions({ turn, actions, threadId, mode, busy }: TurnProps) {
  const { t } = useTranslation();
  return (
    <>
      <SiblingSwitch turn={turn} threadId={threadId} />
      {mode === 'chat' && <CopyButton text={turn.message.text} label={t('chat.copyMessage')} />}
      <IconButton
        size={26}
        label={t('chat.edit')}
        disabled={busy}
        onClick={() => {
          actions.edit(turn);
          document.querySelector<HTMLElement>('[data-composer]')?.focus();
        }}
      >
        <IconPencil size={15} stroke={1.8} />
      </IconButton>
      <IconButton size={26} label={t('chat.removeMessage')} disabled={busy} onClick={() => void actions.remove(turn.message)}>
        <IconTrash size={15} stroke={1.8} />
      </IconButton>
    </>
  );
}
