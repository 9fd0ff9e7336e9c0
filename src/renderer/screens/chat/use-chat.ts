import i18next from 'i18next';
import { useMemo } from 'react';
import type { Message } from '#contract/chat.ts';
import type { AppError } from '#core/errors/index.ts';
import type { Model } from '#contract/library.ts';
import { useModel } from '../../models.ts';
import { goTo } from '../../navigation.ts';
import { apiInUse, asAppError, callOptions, keyOf, queryClient, useCall } from '../../queries.ts';
import { useRemoteModel, type RemoteModel } from '../../remote.ts';
import { errorToast, undoToast } from '../../toasts.tsx';
import { choose, NO_CHOICES, NO_DRAFT, setDraft, useDrafts } from './drafts.ts';
import { generate, useGenerations, type Generation, type Request } from './generation.ts';
import { parentKey, visibleTurns, type Turn } from './message-tree.ts';
import type { ChatSearch } from './search.ts';
import { usePromptReport, type PromptReport } from './prompt-report.ts';
import { saveSettings, useThreadSettings, type SettingsOfThread } from './thread-settings.ts';

/** A thread is named after its first message, cut where a list would cut it anyway. */
const TITLE_LENGTH = 60;

const titleOf = (text: string): string => {
  const line = text.trim().split('\n')[0] ?? '';
  return line.length <= TITLE_LENGTH ? line : `${line.slice(0, TITLE_LENGTH).trimEnd()}…`;
};

/** What can be done with the messages of a conversation. */
export interface ChatActions {
  /** Write a message of the user anew; the old one stays as its sibling. */
  edit(turn: Turn): void;
  /** Other words for an answer, beside the old ones. Resolves to whether they were saved. */
  editAnswer(messageId: string, text: string): Promise<boolean>;
  regenerate(messageId: string): Promise<void>;
  /** Go on with an answer where it ended. */
  resume(messageId: string): Promise<void>;
  /** Give an answer the results of its calls; null where Lathe works it out. */
  callTools(messageId: string, results: readonly { readonly callId: string; readonly text: string | null }[]): Promise<void>;
  remove(message: Message): Promise<void>;
}

export interface Chat extends SettingsOfThread, ChatActions {
  readonly threadId: string | null;
  readonly model: Model | undefined;
  /** A model of a remote engine, in the place of one of the library. */
  readonly remote: RemoteModel | null;
  /** What answers; undefined where nothing can. */
  readonly answererName: string | undefined;
  readonly turns: readonly Turn[];
  readonly loaded: boolean;
  readonly error: AppError | null;
  readonly generation: Generation | undefined;
  /** What sending the draft would give the model to read. */
  readonly report: PromptReport | null;
  readonly draft: { readonly text: string; readonly editing: { readonly id: string; readonly parentId: string | null } | null };
  setText(text: string): void;
  cancelEdit(): void;
  send(text: string): Promise<void>;
  reload(): void;
}

/** One conversation, and all that can be done in it. */
export function useChat(threadId: string | null, wanted: ChatSearch): Chat {
  const thread = useCall('chat.thread', { threadId: threadId ?? '' }, { enabled: threadId !== null });
  const settingsOfThread = useThreadSettings(threadId, wanted);
  const { settings, clearNew } = settingsOfThread;
  const model = useModel(settings.modelId);
  const remote = useRemoteModel(settings.remote);
  const key = threadId ?? '';
  const draft = useDrafts((state) => state.drafts[key] ?? NO_DRAFT);
  const choices = useDrafts((state) => state.choices[key] ?? NO_CHOICES);
  const generation = useGenerations((state) => state.running[key]);
  const messages = thread.data?.messages;
  const turns = useMemo(() => visibleTurns(messages ?? [], choices), [messages, choices]);

  const parentId = draft.editing === null ? (turns.at(-1)?.message.id ?? null) : draft.editing.parentId;
  const idle = generation === undefined;
  const report = usePromptReport({ threadId, parentId, text: draft.text, settings, idle });

  /** As many answers to a message as the thread wants, one after the other: each with a seed of its own. */
  const answerAll = async (id: string, request: Request): Promise<void> => {
    let answer = await generate(id, request);
    const { seed } = settings.sampling;
    for (let number = 1; number < settings.answerCount && answer !== null; number += 1) {
      if (answer.error !== null || answer.facts?.stopReason === 'stopped' || (answer.toolCalls?.length ?? 0) > 0) return;
      answer = await generate(id, {
        kind: 'regenerate',
        messageId: answer.id,
        ...(seed === null ? {} : { seed: (seed + number) % 0x1_0000_0000 }),
      });
    }
  };

  const send = async (text: string): Promise<void> => {
    if (text.trim() === '' || !idle) return;
    setDraft(key, { text: '', editing: null });
    if (threadId !== null) {
      await saveSettings(threadId);
      return answerAll(threadId, { kind: 'send', parentId, text });
    }
    try {
      const created = await apiInUse().call('chat.create', { ...settings, title: titleOf(text) });
      clearNew();
      goTo.thread(created.id);
      // The thread's cache has to be there for the answer to be written into.
      await queryClient.fetchQuery(callOptions('chat.thread', { threadId: created.id }));
      await answerAll(created.id, { kind: 'send', parentId: null, text });
    } catch (error) {
      setDraft(key, { text });
      errorToast(asAppError(error));
    }
  };

  /** Ask for something in a thread, with its settings as they are now. */
  const request = async (wanted: Request): Promise<void> => {
    if (threadId === null || !idle) return;
    await saveSettings(threadId);
    await generate(threadId, wanted);
  };
  const reloadThread = (id: string): Promise<void> => queryClient.invalidateQueries({ queryKey: keyOf('chat.thread', { threadId: id }) });

  return {
    ...settingsOfThread,
    threadId,
    model,
    remote,
    answererName: remote === null ? model?.name : remote.engine === undefined ? undefined : remote.choice.model,
    turns,
    loaded: threadId === null || thread.data !== undefined,
    error: thread.error,
    generation,
    draft,
    setText: (text) => setDraft(key, { text }),
    edit: ({ message }) => setDraft(key, { text: message.text, editing: message }),
    cancelEdit: () => setDraft(key, NO_DRAFT),
    send,
    report,
    regenerate: (messageId) => request({ kind: 'regenerate', messageId }),
    resume: (messageId) => request({ kind: 'resume', messageId }),
    callTools: (messageId, results) => request({ kind: 'tools', messageId, results: [...results] }),
    editAnswer: async (messageId, text) => {
      if (threadId === null) return false;
      try {
        const edited = await apiInUse().call('chat.editMessage', { threadId, messageId, text });
        choose(threadId, parentKey(edited.parentId), edited.id);
        await reloadThread(threadId);
        return true;
      } catch (error) {
        errorToast(asAppError(error));
        return false;
      }
    },
    remove: async (message) => {
      if (threadId === null) return;
      const what = { threadId, messageId: message.id };
      try {
        await apiInUse().call('chat.removeMessage', what);
        await reloadThread(threadId);
      } catch (error) {
        return errorToast(asAppError(error));
      }
      undoToast(`message-${message.id}`, i18next.t('chat.messageRemoved'), () => {
        void apiInUse()
          .call('chat.restoreMessage', what)
          .then(
            () => {
              choose(threadId, parentKey(message.parentId), message.id);
              return reloadThread(threadId);
            },
            (error: unknown) => errorToast(asAppError(error)),
          );
      });
    },
    reload: () => void thread.refetch(),
  };
}
