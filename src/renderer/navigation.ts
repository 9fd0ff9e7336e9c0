import { createHashHistory } from '@tanstack/react-router';
// First, so that the history never sees the token.
import './session.ts';

/** Screens by hash: the same under the desktop's own scheme and on the loopback server. */
export const history = createHashHistory();

const query = (values: Readonly<Record<string, string | undefined>>): string => {
  const set = Object.entries(values).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return set.length === 0 ? '' : `?${new URLSearchParams(set).toString()}`;
};

/** Ways to the screens for those who stand outside the router: toasts, commands. */
export const goTo = {
  library: (modelId?: string): void => history.push(`/library${query({ model: modelId })}`),
  thread: (threadId: string): void => history.push(`/chat/${encodeURIComponent(threadId)}`),
  convert: (modelId?: string): void => history.push(`/convert${query({ model: modelId })}`),
  training: (modelId?: string): void => history.push(`/training${query({ model: modelId })}`),
  run: (runId: string): void => history.push(`/training${query({ run: runId })}`),
  /** To the setup of a run: of all variants of a model, or of these alone. */
  benchmark: (baseId?: string, modelIds?: readonly string[]): void =>
    history.push(`/benchmark${query({ base: baseId, models: modelIds?.join(',') })}`),
  benchmarkRun: (runId: string): void => history.push(`/benchmark${query({ run: runId })}`),
  memory: (modelId?: string): void => history.push(`/memory${query({ model: modelId })}`),
  adapters: (adapterId?: string): void => history.push(`/adapters${query({ use: adapterId })}`),
  server: (): void => history.push('/server'),
  /** With an adapter beside the model's weights. */
  newChat: (modelId?: string, adapterId?: string): void => history.push(`/chat${query({ model: modelId, adapter: adapterId })}`),
};
