import { useEffect } from 'react';
import { create } from 'zustand';
import { sampling, type Sampling, type Thread } from '#contract/chat.ts';
import type { Model } from '#contract/library.ts';
import type { RemoteChoice } from '#contract/remote.ts';
import { canChat, useModels } from '../../models.ts';
import { prefer, usePreferences } from '../../preferences.ts';
import { apiInUse, asAppError, patch, useCall } from '../../queries.ts';
import { errorToast } from '../../toasts.tsx';
import type { ChatSearch } from './search.ts';

/** What a conversation is held with. */
export type ThreadSettings = Pick<
  Thread,
  'modelId' | 'remote' | 'mode' | 'systemPrompt' | 'sampling' | 'answerCount' | 'adapters' | 'tools'
>;

export const DEFAULT_SAMPLING: Sampling = sampling.parse({});
/** One list of each, so that it is the same at every render. */
const NO_TOOLS: Thread['tools'] = [];
const NO_ADAPTERS: Thread['adapters'] = [];
const DEFAULTS = { systemPrompt: '', sampling: DEFAULT_SAMPLING, answerCount: 1, adapters: NO_ADAPTERS, tools: NO_TOOLS };

/** How long after the last change of a slider or a text it is saved. */
const SAVE_MS = 400;

/** Changes that the program does not have yet, by thread; the new chat's, which has no id, under the empty one. */
const useEdits = create<Readonly<Record<string, Partial<ThreadSettings>>>>(() => ({}));
const NEW = '';
const timers = new Map<string, ReturnType<typeof setTimeout>>();

const forget = (key: string): void =>
  useEdits.setState((edits) => Object.fromEntries(Object.entries(edits).filter(([name]) => name !== key)), true);

/** Save a thread's changes now. To be awaited before its settings are relied on. */
export async function saveSettings(threadId: string): Promise<void> {
  clearTimeout(timers.get(threadId));
  timers.delete(threadId);
  const edits = useEdits.getState()[threadId];
  if (edits === undefined) return;
  try {
    const thread = await apiInUse().call('chat.update', { threadId, ...edits });
    patch('chat.thread', { threadId }, (known) => ({ ...known, thread }));
  } catch (error) {
    errorToast(asAppError(error));
  }
  if (useEdits.getState()[threadId] === edits) forget(threadId);
}

function edit(threadId: string | null, changes: Partial<ThreadSettings>): void {
  const key = threadId ?? NEW;
  useEdits.setState((edits) => ({ [key]: { ...edits[key], ...changes } }));
  if (threadId === null) return;
  clearTimeout(timers.get(key));
  timers.set(
    key,
    setTimeout(() => void saveSettings(threadId), SAVE_MS),
  );
}

/** The model that a new chat begins with: the one asked for, the last one, or the one used last of all. */
function firstModel(models: readonly Model[], wanted: string | null): Model | undefined {
  const usable = models.filter(canChat);
  return (
    usable.find(({ id }) => id === wanted) ??
    usable.toSorted((left, right) => (right.lastUsedMs ?? right.addedMs) - (left.lastUsedMs ?? left.addedMs))[0]
  );
}

/** A base model without a template can only go on with a text. */
const modeOf = (model: Model | undefined): Thread['mode'] => (model?.facts.hasChatTemplate === false ? 'text' : 'chat');

/** A thread's settings with what the user changes; `null` stands for the chat that has not begun. */
export function useThreadSettings(threadId: string | null, { model: wantedModelId, adapter: wantedAdapterId }: ChatSearch = {}) {
  const { data } = useCall('chat.thread', { threadId: threadId ?? '' }, { enabled: threadId !== null });
  const edits = useEdits((state) => state[threadId ?? NEW]);
  const models = useModels();
  const lastModelId = usePreferences((state) => state.chatModelId);

  useEffect(() => {
    if (threadId === null && wantedModelId !== undefined)
      edit(null, { modelId: wantedModelId, remote: null, mode: modeOf(models.find(({ id }) => id === wantedModelId)) });
  }, [threadId, wantedModelId, models]);
  useEffect(() => {
    if (threadId === null && wantedAdapterId !== undefined)
      edit(null, { adapters: [{ adapterId: wantedAdapterId, scale: 1, isOn: true }] });
  }, [threadId, wantedAdapterId]);

  const first = firstModel(models, edits?.modelId ?? lastModelId);
  const saved: ThreadSettings =
    threadId === null
      ? { modelId: first?.id ?? null, remote: null, mode: modeOf(first), ...DEFAULTS }
      : (data?.thread ?? { modelId: null, remote: null, mode: 'chat', ...DEFAULTS });
  const settings = { ...saved, ...edits };
  return {
    settings,
    change: (changes: Partial<ThreadSettings>) => edit(threadId, changes),
    chooseModel: (model: Model) => {
      prefer({ chatModelId: model.id });
      edit(threadId, { modelId: model.id, remote: null, mode: modeOf(model) });
    },
    /** Of a remote engine. It is not what the next new chat begins with: nothing leaves this computer unasked. */
    chooseRemote: (remote: RemoteChoice) => edit(threadId, { modelId: null, remote, mode: 'chat' }),
    /** The new chat has become a thread. */
    clearNew: () => forget(NEW),
  };
}

export type SettingsOfThread = ReturnType<typeof useThreadSettings>;
