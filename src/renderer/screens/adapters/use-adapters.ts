import { useQueries } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import type { AppErrorData } from '#core/errors/index.ts';
import type { Model } from '#contract/library.ts';
import { canQuantize, isAdapter, useModels } from '../../models.ts';
import { callOptions } from '../../queries.ts';
import { usesOf, writeUses, type AdaptersSearch, type Mode, type Use } from './search.ts';

/** An adapter that was chosen, at its strength. */
export interface ChosenAdapter extends Use {
  readonly adapter: Model;
}

/** A model that adapters could be put on, and what keeps them from it. */
export interface Base {
  readonly model: Model;
  /** Undefined while it is not known yet. */
  readonly problem: AppErrorData | null | undefined;
}

const newest = (left: Model, right: Model): number =>
  Math.max(right.addedMs, right.lastUsedMs ?? 0) - Math.max(left.addedMs, left.lastUsedMs ?? 0);

/** Everything that the screen shows, worked out once. */
export function useAdapters() {
  const search = useSearch({ from: '/adapters' });
  const navigate = useNavigate({ from: '/adapters' });
  const models = useModels();
  const adapters = useMemo(() => models.filter((model) => isAdapter(model)).toSorted(newest), [models]);
  const mode: Mode = search.mode ?? 'merge';
  const chosen = useMemo(
    () =>
      usesOf(search.use).flatMap((use): ChosenAdapter[] => {
        const adapter = adapters.find(({ id, state }) => id === use.adapterId && state.status === 'ready');
        return adapter === undefined ? [] : [{ ...use, adapter }];
      }),
    [search.use, adapters],
  );
  const fits = useQueries({ queries: chosen.map(({ adapterId }) => callOptions('adapters.fits', { adapterId })) });
  const fitsError = fits.find(({ error }) => error !== null)?.error ?? null;
  const answers = fits.map(({ data }) => data);
  const candidates = useMemo(() => models.filter(canQuantize), [models]);
  const bases = candidates
    .map((model): Base => {
      const found = answers.map((answer) => answer?.find(({ modelId }) => modelId === model.id));
      if (found.some((fit) => fit === undefined)) return { model, problem: undefined };
      return { model, problem: found.find((fit) => fit !== undefined && fit.problems.length > 0)?.problems[0] ?? null };
    })
    .toSorted((left, right) => Number(left.problem != null) - Number(right.problem != null) || newest(left.model, right.model));
  const asked = bases.find(({ model }) => model.id === search.base);
  // Until one is chosen, the first one that all of them fit.
  const base = asked ?? (chosen.length > 0 ? bases.find(({ problem }) => problem === null) : undefined);
  const tuned = candidates.find(({ id }) => id === search.tuned);

  const go = (change: Partial<Record<keyof AdaptersSearch, string | undefined>>): void => {
    const next = { ...search, ...change };
    void navigate({
      search: Object.fromEntries(
        Object.entries(next).filter(([key, value]) => value !== undefined && !(key === 'mode' && value === 'merge')),
      ) as AdaptersSearch,
      replace: true,
    });
  };
  const setUses = (uses: readonly Use[]): void => go({ use: writeUses(uses) });
  return {
    mode,
    adapters,
    chosen,
    bases,
    base,
    tuned,
    candidates,
    isFitting: fits.some(({ isPending }) => isPending),
    fitsError,
    setMode: (next: Mode): void => go({ mode: next }),
    chooseBase: (id: string): void => go({ base: id }),
    chooseTuned: (id: string): void => go({ tuned: id }),
    toggle: (adapterId: string): void => {
      const before = chosen.map(({ adapterId: one, scale }) => ({ adapterId: one, scale }));
      const isChosen = before.some((use) => use.adapterId === adapterId);
      // Converting takes one.
      const others = mode === 'convert' ? [] : before;
      setUses(isChosen ? before.filter((use) => use.adapterId !== adapterId) : [...others, { adapterId, scale: 1 }]);
    },
    setScale: (adapterId: string, scale: number): void =>
      setUses(chosen.map((use) => ({ adapterId: use.adapterId, scale: use.adapterId === adapterId ? scale : use.scale }))),
  };
}

export type Adapters = ReturnType<typeof useAdapters>;
