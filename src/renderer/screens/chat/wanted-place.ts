import { create } from 'zustand';
import { pathTo } from '#core/chat/thread.ts';
import { goTo } from '../../navigation.ts';
import { callOptions, queryClient } from '../../queries.ts';
import { choose } from './drafts.ts';
import { parentKey } from './message-tree.ts';

interface WantedPlace {
  /** The message that a search led to. */
  readonly place: { readonly threadId: string; readonly messageId: string } | null;
}

export const useWantedPlace = create<WantedPlace>(() => ({ place: null }));

export const forgetPlace = (threadId: string): void =>
  useWantedPlace.setState(({ place }) => (place?.threadId === threadId ? { place: null } : {}));

/** Go to a message of a thread, on whichever branch it is. */
export async function showMessage(threadId: string, messageId: string): Promise<void> {
  const { messages } = await queryClient.fetchQuery(callOptions('chat.thread', { threadId }));
  for (const { id, parentId } of pathTo(messages, messageId)) choose(threadId, parentKey(parentId), id);
  useWantedPlace.setState({ place: { threadId, messageId } });
  goTo.thread(threadId);
}
