import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import type { Model } from '#contract/library.ts';
import { useModels } from '../../models.ts';
import { usePreferences } from '../../preferences.ts';
import { filterModels, listItems, type ListItem } from './filter.ts';
import { useRemovals } from './removals.ts';
import type { LibrarySearch } from './search.ts';

export interface LibraryView {
  readonly search: LibrarySearch;
  /** All models but those whose removal waits to be undone. */
  readonly all: readonly Model[];
  readonly shown: readonly Model[];
  readonly items: readonly ListItem[];
  readonly selected: Model | undefined;
  change(search: Partial<Record<keyof LibrarySearch, LibrarySearch[keyof LibrarySearch] | undefined>>): void;
  clear(): void;
}

/** The library as the address and the preferences say to show it. */
export function useLibrary(): LibraryView {
  const search = useSearch({ from: '/library' });
  const navigate = useNavigate({ from: '/library' });
  const models = useModels();
  const removed = useRemovals((state) => state.ids);
  const { librarySort, libraryGrouped } = usePreferences();
  const all = useMemo(() => models.filter(({ id }) => !removed.has(id)), [models, removed]);
  const { q, kind, family, tag, favourites } = search;
  // Not of the search as a whole: to select a model would sort thousands again.
  const shown = useMemo(
    () => filterModels(all, { q, kind, family, tag, favourites }, librarySort),
    [all, q, kind, family, tag, favourites, librarySort],
  );
  const items = useMemo(() => listItems(shown, libraryGrouped), [shown, libraryGrouped]);
  return {
    search,
    all,
    shown,
    items,
    selected: all.find(({ id }) => id === search.model),
    change: (changes) => {
      const next = Object.fromEntries(Object.entries({ ...search, ...changes }).filter(([, value]) => value !== undefined && value !== ''));
      void navigate({ search: next as LibrarySearch, replace: true });
    },
    clear: () => void navigate({ search: search.model === undefined ? {} : { model: search.model }, replace: true }),
  };
}
