import { useTranslation } from 'react-i18next';
import { SplitHandle } from '../../components/split-handle.tsx';
import { prefer, usePreferences } from '../../preferences.ts';
import { ChatHeader } from './header.tsx';
import { Composer } from './composer.tsx';
import { Conversation } from './conversation.tsx';
import type { ChatSearch } from './search.ts';
import { SettingsPanel } from './settings-panel.tsx';
import { ThreadList } from './thread-list.tsx';
import { useChat } from './use-chat.ts';
import { useChatCommands } from './use-chat-commands.tsx';
import { NewChat } from './new-chat.tsx';
import { ErrorPanel } from '../../components/error-panel.tsx';
import classes from './chat.module.css';

/** Conversations with the models of the library. */
export function ChatScreen({ threadId, wanted }: { readonly threadId: string | null; readonly wanted: ChatSearch }) {
  const { t } = useTranslation();
  const chat = useChat(threadId, wanted);
  const { threadsWidth, chatPanelOpen } = usePreferences();
  useChatCommands(chat);
  return (
    <div className={classes.screen} data-panel={chatPanelOpen || undefined}>
      <ThreadList currentId={threadId} width={threadsWidth} />
      <SplitHandle
        label={t('chat.resizeThreads')}
        value={threadsWidth}
        min={180}
        max={420}
        side="start"
        onChange={(width) => prefer({ threadsWidth: width })}
      />
      <section
        className={classes.main}
        data-new={(threadId === null && chat.answererName !== undefined && chat.error === null) || undefined}
        aria-label={t('chat.conversation')}
      >
        <ChatHeader chat={chat} />
        {chat.error !== null ? (
          <div className={classes.notice}>
            <ErrorPanel error={chat.error} action={{ label: t('common.retry'), run: chat.reload }} />
          </div>
        ) : threadId === null ? (
          <NewChat chat={chat} />
        ) : (
          <Conversation key={threadId} chat={chat} threadId={threadId} />
        )}
        {/* A key of its own: the conversation beside it has the thread's. */}
        {(chat.answererName !== undefined || threadId !== null) && chat.error === null && (
          <Composer key={`composer ${threadId ?? ''}`} chat={chat} />
        )}
      </section>
      {chatPanelOpen && <SettingsPanel chat={chat} />}
    </div>
  );
}
