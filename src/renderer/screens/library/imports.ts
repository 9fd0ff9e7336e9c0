import { create } from 'zustand';
import type { Event } from '../../api.ts';
import { asAppError, apiInUse } from '../../queries.ts';
import type { AppErrorData } from '#core/errors/index.ts';
import { goTo } from '../../navigation.ts';
import { errorToast } from '../../toasts.tsx';

/** One "add" of the user: a path, and what has been found under it so far. */
export interface Import {
  readonly key: string;
  readonly path: string;
  readonly mode: 'link' | 'copy';
  /** What it looks at or copies now. */
  readonly at: string;
  readonly copied: { readonly doneBytes: number; readonly totalBytes: number } | null;
  readonly added: number;
  readonly problems: readonly { readonly path: string; readonly error: AppErrorData }[];
  readonly running: boolean;
  stop(): void;
}

/** Goes on while the user is on other screens. */
export const useImports = create<{ readonly list: readonly Import[] }>(() => ({ list: [] }));

const change = (key: string, edit: (old: Import) => Import): void =>
  useImports.setState(({ list }) => ({ list: list.map((item) => (item.key === key ? edit(item) : item)) }));

export const dismissImport = (key: string): void => useImports.setState(({ list }) => ({ list: list.filter((item) => item.key !== key) }));

function apply(old: Import, event: Event<'library.import'>): Import {
  if (event.type === 'looking') return { ...old, at: event.path };
  if (event.type === 'copying') return { ...old, at: event.path, copied: { doneBytes: event.doneBytes, totalBytes: event.totalBytes } };
  if (event.type === 'added') return { ...old, added: old.added + 1, copied: null };
  return { ...old, problems: [...old.problems, event.problem] };
}

/** Add what lies at a path. The rows of the library show how it goes; what was added first is shown at the end. */
export async function startImport(path: string, mode: 'link' | 'copy'): Promise<void> {
  const key = crypto.randomUUID();
  const leaving = new AbortController();
  const start: Import = { key, path, mode, at: path, copied: null, added: 0, problems: [], running: true, stop: () => leaving.abort() };
  useImports.setState(({ list }) => ({ list: [...list, start] }));
  let first: string | undefined;
  try {
    for await (const event of apiInUse().stream('library.import', { path, mode }, leaving.signal)) {
      change(key, (old) => apply(old, event));
      if (event.type === 'added') first ??= event.model.id;
    }
  } catch (error) {
    const cause = asAppError(error);
    if (cause.code !== 'request.cancelled') change(key, (old) => ({ ...old, problems: [...old.problems, { path, error: cause }] }));
  }
  change(key, (old) => ({ ...old, running: false }));
  const ended = useImports.getState().list.find((item) => item.key === key);
  if (ended !== undefined && ended.problems.length === 0) dismissImport(key);
  if (first !== undefined) goTo.library(first);
  else if (ended !== undefined && ended.problems.length === 0 && !leaving.signal.aborted) {
    errorToast({ code: 'model.noWeights', params: { path } });
  }
}
