import { useMemo } from 'react';
import type { AppError } from '#core/errors/index.ts';
import type { Model } from '#contract/library.ts';
import { useModel } from '../../models.ts';
import { goTo } from '../../navigation.ts';
import { apiInUse, asAppError, callOptions, queryClient, useCall } from '../../queries.ts';
import { errorToast } from '../../toasts.tsx';
import { NO_CHOICES, NO_DRAFT, setDraft, useDrafts } from './drafts.ts';
import { generate, useGenerations, type Generation } from './generation.ts';
import { visibleTurns, type Turn } from './message-tree.ts';
import { saveSettings, useThreadSettings, type SettingsOfThread } from './thread-settings.ts';

/** A thread is named after its first message, cut where a list would cut it anyway. */
const TITLE_LENGTH = 60;

const titleOf = (text: string): string => {
  const line = text.trim().split('\n')[0] ?? '';
  return line.length <= TITLE_LENGTH ? line : `${line.slice(0, TITLE_LENGTH).trimEnd()}…`;
};

export interface Chat extends SettingsOfThread {
  readonly threadId: string | null;
  readonly model: Model | undefined;
  readonly turns: readonly Turn[];
  readonly loaded: boolean;
  readonly error: AppError | null;
  readonly generation: Generation | undefined;
  readonly draft: { readonly text: string; readonly editing: { readonly id: string; readonly parentId: string | null } | null };
  setText(text: string): void;
  /** Write a message of the user anew; the old one stays as its sibling. */
  edit(turn: Turn): void;
  cancelEdit(): void;
  send(text: string): Promise<void>;
  regenerate(messageId: string): Promise<void>;
  reload(): void;
}

/** One conversation, and all that can be done in it. */
export function useChat(threadId: string | null, wantedModelId: string | undefined): Chat {
  const thread = useCall('chat.thread', { threadId: threadId ?? '' }, { enabled: threadId !== null });
  const settingsOfThread = useThreadSettings(threadId, wantedModelId);
  const { settings, clearNew } = settingsOfThread;
  const model = useModel(settings.modelId);
  const key = threadId ?? '';
  const draft = useDrafts((state) => state.drafts[key] ?? NO_DRAFT);
  const choices = useDrafts((state) => state.choices[key] ?? NO_CHOICES);
  const generation = useGenerations((state) => state.running[key]);
  const messages = thread.data?.messages;
  const turns = useMemo(() => visibleTurns(messages ?? [], choices), [messages, choices]);

  const send = async (text: string): Promise<void> => {
    if (text.trim() === '' || generation !== undefined) return;
    setDraft(key, { text: '', editing: null });
    if (threadId !== null) {
      const parentId = draft.editing === null ? (turns.at(-1)?.message.id ?? null) : draft.editing.parentId;
      await saveSettings(threadId);
      return generate(threadId, { kind: 'send', parentId, text });
    }
    try {
      const created = await apiInUse().call('chat.create', { ...settings, title: titleOf(text) });
      clearNew();
      goTo.thread(created.id);
      // The thread's cache has to be there for the answer to be written into.
      await queryClient.fetchQuery(callOptions('chat.thread', { threadId: created.id }));
      await generate(created.id, { kind: 'send', parentId: null, text });
    } catch (error) {
      setDraft(key, { text });
      errorToast(asAppError(error));
    }
  };

  return {
    ...settingsOfThread,
    threadId,
    model,
    turns,
    loaded: threadId === null || thread.data !== undefined,
    error: thread.error,
    generation,
    draft,
    setText: (text) => setDraft(key, { text }),
    edit: ({ message }) => setDraft(key, { text: message.text, editing: message }),
    cancelEdit: () => setDraft(key, NO_DRAFT),
    send,
    regenerate: async (messageId) => {
      if (threadId === null) return;
      await saveSettings(threadId);
      await generate(threadId, { kind: 'regenerate', messageId });
    },
    reload: () => void thread.refetch(),
  };
}
