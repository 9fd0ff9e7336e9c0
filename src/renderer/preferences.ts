import { create } from 'zustand';
import { persist } from 'zustand/middleware';

/** What the user arranged in this window. Settings that belong to the program itself live there (`system.settings`). */
interface Preferences {
  readonly railFolded: boolean;
  readonly detailsWidth: number;
  readonly threadsWidth: number;
  readonly chatPanelOpen: boolean;
  readonly librarySort: LibrarySort;
  readonly libraryGrouped: boolean;
  /** The model that a new chat begins with. */
  readonly chatModelId: string | null;
  /** Of the server for other programs; null: any that is free. */
  readonly serverPort: number | null;
  /** Commands by the time they were last run from the palette. */
  readonly recentCommands: readonly string[];
}

export type LibrarySort = 'used' | 'added' | 'name' | 'size' | 'parameters';

export const usePreferences = create<Preferences>()(
  persist(
    (): Preferences => ({
      railFolded: false,
      detailsWidth: 400,
      threadsWidth: 248,
      chatPanelOpen: false,
      librarySort: 'used',
      libraryGrouped: false,
      chatModelId: null,
      serverPort: null,
      recentCommands: [],
    }),
    { name: 'lathe.preferences', version: 1 },
  ),
);

export const prefer = (change: Partial<Preferences>): void => void usePreferences.setState(change);
