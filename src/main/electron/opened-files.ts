import { isAbsolute, resolve } from 'node:path';
import type { AppClient } from '#contract/index.ts';
import type { AppErrorData } from '#core/errors/index.ts';

/** More at once are a folder, which has a way of its own. */
const MAX_OPENED = 32;

/**
 * The model files that the system asks to be opened: arguments that end in `.gguf`, which is what the package registers. Whatever else
 * stands there (options, addresses) is none.
 */
export const modelFilesOf = (args: readonly string[], folder: string): string[] =>
  args
    .filter((arg) => !arg.startsWith('-') && !/^[a-z][\w+.-]+:\/\//i.test(arg) && arg.toLowerCase().endsWith('.gguf'))
    .slice(0, MAX_OPENED)
    .map((path) => (isAbsolute(path) ? path : resolve(folder, path)));

export interface Opened {
  /** Where in the page they are seen: what stands behind the hash. */
  readonly at: string;
  readonly problems: readonly { readonly path: string; readonly error: AppErrorData }[];
}

/** Enter files into the library by link. */
export async function enterOpened(library: Pick<AppClient['library'], 'import'>, paths: readonly string[]): Promise<Opened> {
  let at = '/library';
  const problems: Opened['problems'][number][] = [];
  for (const path of paths)
    for await (const event of library.import({ path, mode: 'link' })) {
      if (event.type === 'added') at = `/library?model=${encodeURIComponent(event.model.id)}`;
      if (event.type === 'problem') problems.push(event.problem);
    }
  return { at, problems };
}
