import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { IconButton } from '../../components/icon-button.tsx';
import { choose } from './drafts.ts';
import { parentKey, type Turn } from './message-tree.ts';
import classes from './chat.module.css';

/** "2 / 3": goes through the other answers, or the other wordings. */
export function SiblingSwitch({ turn, threadId }: { readonly turn: Turn; readonly threadId: string }) {
  const { t } = useTranslation();
  const { siblings, index, message } = turn;
  if (siblings.length < 2) return null;
  const go = (to: number): void => {
    const sibling = siblings[to];
    if (sibling !== undefined) choose(threadId, parentKey(message.parentId), sibling.id);
  };
  return (
    <span className={classes.siblings}>
      <IconButton size={24} label={t('chat.previousVersion')} disabled={index === 0} onClick={() => go(index - 1)}>
        <IconChevronLeft size={15} />
      </IconButton>
      <span className="num" aria-label={t('chat.version', { index: index + 1, count: siblings.length })} role="img">
        {index + 1} / {siblings.length}
      </span>
      <IconButton size={24} label={t('chat.nextVersion')} disabled={index === siblings.length - 1} onClick={() => go(index + 1)}>
        <IconChevronRight size={15} />
      </IconButton>
    </span>
  );
}
