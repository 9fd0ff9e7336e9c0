import { create } from 'zustand';
import type { EngineStatus, Thread } from '#contract/chat.ts';
import type { Job } from '#contract/jobs.ts';
import type { Model } from '#contract/library.ts';
import type { RemoteEngine } from '#contract/remote.ts';
import type { Event } from './api.ts';
import { follow, keyOf, patch, queryClient } from './queries.ts';

interface Live {
  /** What the inference engine holds; unknown until the program has said so. */
  readonly status: EngineStatus;
  readonly memory: Event<'system.memory'> | null;
  readonly remoteEngines: readonly RemoteEngine[] | null;
}

/** States that the program streams and that have no question of their own. */
export const useLive = create<Live>(() => ({ status: { state: 'empty' }, memory: null, remoteEngines: null }));

const ended = new Set<Job['state']>(['done', 'failed', 'cancelled', 'interrupted']);
export const hasEnded = (job: Pick<Job, 'state'>): boolean => ended.has(job.state);

/** The list with the item in the place of its older self, or at the front. */
export function upsert<T extends { readonly id: string }>(list: readonly T[], item: T): T[] {
  const known = list.some(({ id }) => id === item.id);
  return known ? list.map((old) => (old.id === item.id ? item : old)) : [item, ...list];
}

const without = <T extends { readonly id: string }>(list: readonly T[], id: string): T[] => list.filter((item) => item.id !== id);

const refetch = (...queryKey: unknown[]): void => void queryClient.invalidateQueries({ queryKey });

function onLibrary(event: Event<'library.changes'>): void {
  if (event.type === 'removed') {
    patch('library.list', {}, (models) => without(models, event.modelId));
    queryClient.removeQueries({ queryKey: keyOf('library.get', { modelId: event.modelId }) });
    return;
  }
  patch('library.list', {}, (models: Model[]) => upsert(models, event.model));
  refetch(...keyOf('library.get', { modelId: event.model.id }));
}

function onChat(event: Event<'chat.changes'>): void {
  if (event.type === 'removed') return patch('chat.threads', {}, (threads) => without(threads, event.threadId));
  patch('chat.threads', {}, (threads: Thread[]) => upsert(threads, event.thread));
  refetch(...keyOf('chat.thread', { threadId: event.thread.id }));
}

/**
 * Keep the cache right for as long as the page lives.
 * @param onEnded a job that was running here has ended
 */
export function startLive(onEnded: (job: Job) => void, signal: AbortSignal): void {
  void follow('library.changes', {}, onLibrary, signal, () => refetch('library.list'));
  void follow('chat.changes', {}, onChat, signal, () => refetch('chat.threads'));
  void follow(
    'system.settingsChanges',
    {},
    (settings) => queryClient.setQueryData(keyOf('system.settings', {}), settings),
    signal,
    () => refetch('system.settings'),
  );
  void follow('system.memory', {}, (memory) => useLive.setState({ memory }), signal);
  void follow('chat.status', {}, (status) => useLive.setState({ status }), signal);
  void follow('remote.engines', {}, (remoteEngines) => useLive.setState({ remoteEngines }), signal);
  void follow(
    'jobs.changes',
    {},
    (event) => {
      if (event.type === 'removed') return patch('jobs.list', {}, (jobs) => without(jobs, event.jobId));
      const before = queryClient.getQueryData<Job[]>(keyOf('jobs.list', {}))?.find(({ id }) => id === event.job.id);
      patch('jobs.list', {}, (jobs: Job[]) => upsert(jobs, event.job));
      if (event.job.spec.kind === 'train' && event.job.state !== before?.state) refetch('training.runs');
      if (event.job.spec.kind === 'benchmark' && event.job.state !== before?.state) refetch('benchmark.runs');
      if (!hasEnded(event.job) || (before !== undefined && hasEnded(before))) return;
      if (event.job.spec.kind === 'quantize' || event.job.spec.kind === 'quality') refetch('quantize.cards');
      if (event.job.spec.kind === 'benchmark') refetch('benchmark.history');
      onEnded(event.job);
    },
    signal,
    () => refetch('jobs.list'),
  );
}
