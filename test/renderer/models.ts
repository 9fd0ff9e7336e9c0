import type { Model } from '#contract/library.ts';

/** A library item with what a test does not care about filled in. */
export function modelOf(id: string, changes: Partial<Model> = {}): Model {
  return {
    id,
    kind: 'gguf',
    name: id,
    path: `/models/${id}.gguf`,
    origin: 'link',
    sizeBytes: 1000,
    fileCount: 1,
    facts: {},
    state: { status: 'ready' },
    hash: { status: 'pending' },
    duplicateIds: [],
    tags: [],
    note: '',
    favourite: false,
    addedMs: 0,
    lastUsedMs: null,
    ...changes,
  };
}
