import { useDebouncedValue } from '@mantine/hooks';
import { useMemo } from 'react';
import type { Output } from '../../api.ts';
import { useLive } from '../../live.ts';
import { useCall } from '../../queries.ts';
import type { ThreadSettings } from './thread-settings.ts';

export type PromptReport = Output<'chat.prompt'>;

/** How long after the last key the tokens are counted. */
const COUNT_MS = 300;

interface Asked {
  readonly threadId: string | null;
  readonly parentId: string | null;
  readonly text: string;
  readonly settings: ThreadSettings;
  readonly idle: boolean;
}

/** What sending the draft now would give the model to read; null where its model is not loaded, or answers. */
export function usePromptReport({ threadId, parentId, text, settings, idle }: Asked): PromptReport | null {
  const isReady = useLive(({ status }) => status.state === 'ready' && status.modelId === settings.modelId);
  const { modelId, mode, systemPrompt, sampling, tools } = settings;
  const now = useMemo(
    () => ({ threadId, parentId, text, modelId, mode, systemPrompt, sampling, tools }),
    [threadId, parentId, text, modelId, mode, systemPrompt, sampling, tools],
  );
  const [input] = useDebouncedValue(now, COUNT_MS);
  // Nothing at all would be an empty prompt, except where a template or a lead-in stands.
  const isEmpty = input.parentId === null && input.text === '' && (input.mode === 'text' || input.systemPrompt === '');
  const isOfNow = input.threadId === threadId;
  const { data } = useCall('chat.prompt', input, { enabled: isReady && idle && isOfNow && !isEmpty, keepPrevious: true });
  return isReady && isOfNow && !isEmpty ? (data ?? null) : null;
}
