import { IconArrowDown } from '@tabler/icons-react';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { IconButton } from '../../components/icon-button.tsx';
import { Announcer } from './announcer.tsx';
import { CompareDialog } from './compare-dialog.tsx';
import { contextMarks } from './context-mark.tsx';
import { dismissFailure, generate, useGenerations } from './generation.ts';
import { PhaseLine } from './phase-line.tsx';
import { TurnList, type TurnListHandle } from './turn-list.tsx';
import { forgetPlace, useWantedPlace } from './wanted-place.ts';
import type { Chat } from './use-chat.ts';
import classes from './chat.module.css';

/** Nearer to the end than this counts as being at the end: the view then follows the answer. */
const AT_END_PX = 48;

/** The branch of the thread that is in view, and the answer that is being written. */
export function Conversation({ chat, threadId }: { readonly chat: Chat; readonly threadId: string }) {
  const { t } = useTranslation();
  const { turns, generation, settings } = chat;
  const failure = useGenerations((state) => state.failures[threadId]);
  const foundId = useWantedPlace((state) => (state.place?.threadId === threadId ? state.place.messageId : null));
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const list = useRef<TurnListHandle>(null);
  const follows = useRef(true);
  const [away, setAway] = useState(false);
  const shownId = useRef<string | null>(null);

  const toEnd = (behavior: ScrollBehavior = 'instant'): void =>
    scroller.current?.scrollTo({ top: scroller.current.scrollHeight, behavior });
  useLayoutEffect(() => {
    if (follows.current) toEnd();
  }, [turns, generation]);
  useEffect(() => {
    // The text grows without this component being rendered.
    if (content.current === null) return;
    const watcher = new ResizeObserver(() => follows.current && toEnd());
    watcher.observe(content.current);
    return () => watcher.disconnect();
  }, []);
  useEffect(() => {
    // What the user just sent is what they want to see, wherever they had scrolled to.
    if (generation?.phase.kind === 'starting') {
      follows.current = true;
      forgetPlace(threadId);
      toEnd();
    }
  }, [generation?.phase.kind, threadId]);
  useEffect(() => {
    const index = turns.findIndex(({ message }) => message.id === foundId);
    if (index < 0 || foundId === shownId.current) return;
    shownId.current = foundId;
    follows.current = false;
    list.current?.show(index);
  }, [foundId, turns]);
  useEffect(() => () => forgetPlace(threadId), [threadId]);

  const isWaiting = generation !== undefined && generation.answerId === null;
  const isSending = isWaiting && generation.request.kind === 'send';
  return (
    <div className={classes.conversation}>
      <div
        ref={scroller}
        className={classes.scroller}
        // Announced by sentence below, not by each piece that arrives.
        role="log"
        aria-live="off"
        aria-label={t('chat.messages')}
        tabIndex={0}
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
          follows.current = scrollHeight - scrollTop - clientHeight < AT_END_PX;
          setAway(!follows.current);
        }}
      >
        <div ref={content} className={classes.messages} data-mode={settings.mode}>
          <TurnList
            ref={list}
            chat={chat}
            threadId={threadId}
            scroller={scroller}
            marks={contextMarks(chat)}
            foundId={foundId}
            follows={follows}
          />
          {isSending && <div className={classes.pending}>{generation.request.kind === 'send' ? generation.request.text : ''}</div>}
          {isWaiting && <PhaseLine phase={generation.phase} />}
          {failure !== undefined && generation === undefined && (
            <ErrorPanel
              error={failure.error}
              action={{ label: t('common.retry'), run: () => void generate(threadId, failure.request) }}
              onDismiss={() => {
                if (failure.request.kind === 'send' && chat.draft.text === '') chat.setText(failure.request.text);
                dismissFailure(threadId);
              }}
            />
          )}
        </div>
      </div>
      {away && (
        <div className={classes.toEnd}>
          <IconButton variant="default" size={32} radius="xl" label={t('chat.toEnd')} onClick={() => toEnd('smooth')}>
            <IconArrowDown size={16} stroke={1.8} />
          </IconButton>
        </div>
      )}
      <CompareDialog threadId={threadId} />
      <Announcer threadId={threadId} generation={generation} finished={turns.at(-1)?.message} />
    </div>
  );
}
