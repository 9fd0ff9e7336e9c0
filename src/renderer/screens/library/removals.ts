import i18next from 'i18next';
import { create } from 'zustand';
import type { Model } from '#contract/library.ts';
import { apiInUse, asAppError } from '../../queries.ts';
import { errorToast, undoToast } from '../../toasts.tsx';

/** Entries that are hidden at once, but leave the library only when the time to undo it is over. */
export const useRemovals = create<{ readonly ids: ReadonlySet<string> }>(() => ({ ids: new Set<string>() }));

const change = (edit: (ids: Set<string>) => void): void =>
  useRemovals.setState(({ ids }) => {
    const next = new Set(ids);
    edit(next);
    return { ids: next };
  });

/** Take an entry out of the list; the files stay. Until the toast is gone it can be undone, with nothing lost. */
export function removeEntry(model: Pick<Model, 'id' | 'name'>): void {
  change((ids) => ids.add(model.id));
  undoToast(
    `removed-${model.id}`,
    i18next.t('library.remove.removed', { name: model.name }),
    () => change((ids) => ids.delete(model.id)),
    () => void commit(model.id),
  );
}

async function commit(modelId: string): Promise<void> {
  if (!useRemovals.getState().ids.has(modelId)) return;
  try {
    await apiInUse().call('library.remove', { modelId, files: 'keep' });
  } catch (error) {
    errorToast(asAppError(error));
  }
  change((ids) => ids.delete(modelId));
}

// Whoever closes the page has made up their mind.
if (typeof window !== 'undefined') {
  window.addEventListener('pagehide', () => {
    for (const id of useRemovals.getState().ids) void commit(id);
  });
}
