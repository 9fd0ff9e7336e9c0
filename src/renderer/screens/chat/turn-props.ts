import type { Thread } from '#contract/chat.ts';
import type { Turn } from './message-tree.ts';
import type { ChatActions } from './use-chat.ts';

/** What every message of a conversation is shown with; all of it stays the same while an answer is being written. */
export interface TurnProps {
  readonly turn: Turn;
  readonly actions: ChatActions;
  readonly threadId: string;
  readonly mode: Thread['mode'];
  /** An answer is being made in this thread. */
  readonly busy: boolean;
  /** The message whose words are in the composer. */
  readonly editingId: string | null;
}
