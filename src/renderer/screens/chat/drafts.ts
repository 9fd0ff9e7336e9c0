import { create } from 'zustand';
import { persist } from 'zustand/middleware';
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

/** Longer drafts are kept only while the window is open: a browser's storage is small. */
const MAX_KEPT_LENGTH = 100_000;
/** Threads whose drafts are kept. */
const MAX_KEPT = 50;

/** Drafts outlive the window; which version is in view does not. */
export const useDrafts = create<Drafts>()(
  persist((): Drafts => ({ drafts: {}, choices: {} }), {
    name: 'lathe.drafts',
    version: 1,
    partialize: ({ drafts }) => ({
      drafts: Object.fromEntries(
        Object.entries(drafts)
          .filter(([, { text }]) => text !== '' && text.length <= MAX_KEPT_LENGTH)
          .slice(-MAX_KEPT),
      ),
    }),
  }),
);

export const setDraft = (key: string, draft: Partial<Draft>): void =>
  void useDrafts.setState(({ drafts }) => ({ drafts: { ...drafts, [key]: { ...NO_DRAFT, ...drafts[key], ...draft } } }));

export const choose = (threadId: string, parentKey: string, messageId: string): void =>
  void useDrafts.setState(({ choices }) => ({ choices: { ...choices, [threadId]: { ...choices[threadId], [parentKey]: messageId } } }));
