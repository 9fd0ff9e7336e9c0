import { create } from 'zustand';
import { persist } from 'zustand/middleware';
import { newDraft, type Draft } from '#core/memory/draft.ts';

/** What is asked, kept over a reload. */
export const useDraft = create<Draft>()(persist((): Draft => newDraft, { name: 'lathe.memory', version: 1 }));

export const set = (change: Partial<Draft>): void => void useDraft.setState(change);
