import { create } from 'zustand';
import type { Message } from '#contract/chat.ts';
import type { Choices } from './message-tree.ts';

interface Draft {
  readonly text: string;
  /** The message that the text is to stand beside, in other words. */
  readonly editing: Pick<Message, 'id' | 'parentId'> | null;
}

interface Drafts {
  /** What is being written, by thread: it is still there when the user comes back. */
  readonly drafts: Readonly<Record<string, Draft>>;
  /** Which of several siblings is in view, by thread. */
  readonly choices: Readonly<Record<string, Choices>>;
}

export const NO_DRAFT: Draft = { text: '', editing: null };
export const NO_CHOICES: Choices = {};

export const useDrafts = create<Drafts>(() => ({ drafts: {}, choices: {} }));

export const setDraft = (key: string, draft: Partial<Draft>): void =>
  useDrafts.setState(({ drafts }) => ({ drafts: { ...drafts, [key]: { ...NO_DRAFT, ...drafts[key], ...draft } } }));

export const choose = (threadId: string, parentKey: string, messageId: string): void =>
  useDrafts.setState(({ choices }) => ({ choices: { ...choices, [threadId]: { ...choices[threadId], [parentKey]: messageId } } }));
