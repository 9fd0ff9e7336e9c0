import { realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, toErrorData } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { readFileSurroundings, readFolder, type PathProblem } from './folder.ts';
import { inspectContents, type FolderModels, type FoundModel } from './inspect.ts';

export type WalkEvent =
  | { readonly type: 'looking'; readonly path: string }
  | { readonly type: 'found'; readonly model: FoundModel }
  | { readonly type: 'problem'; readonly problem: PathProblem };

/** Model folders lie three or four levels down (`publisher/model/`, a cache's `models--a--b/snapshots/commit`). */
const MAX_DEPTH = 12;

/** Far over what any collection of models has; who chose `/` by mistake need not wait for the whole disk. */
const MAX_FOLDERS = 10_000;

/** Says only that the folder is not a model's, which is normal on the way to one. */
const isNoModel = ({ error }: PathProblem): boolean => error.code === 'model.noWeights';

/** What the sub-folders of a model hold besides: the original checkpoint, an export. */
const isByproduct = ({ error }: PathProblem): boolean => error.code === 'model.pickle' || error.code === 'model.noConfig';

/** The models at one path itself: a file, or a folder without those in it. Throws `disk.*`, `library.*`. */
export async function inspectPath(path: string): Promise<FolderModels> {
  const found = await onDisk(path, () => stat(path));
  if (!found.isDirectory() && !found.isFile()) throw new AppError('library.notRegularFile', { path });
  return inspectContents(found.isFile() ? await readFileSurroundings(path) : await readFolder(path));
}

/**
 * Every model at a path or below it, as it is found. Whatever is wrong with one is a problem of that one. Links are followed, but
 * no folder is looked at twice.
 */
export async function* findModels(path: string, signal: AbortSignal): AsyncGenerator<WalkEvent> {
  yield { type: 'looking', path };
  let isFolder: boolean;
  try {
    isFolder = (await onDisk(path, () => stat(path))).isDirectory();
    if (!isFolder) return yield* reported(await inspectPath(path));
  } catch (error) {
    return yield { type: 'problem', problem: { path, error: toErrorData(error) } };
  }

  const seen = new Set<string>();
  const open: { readonly folder: string; readonly depth: number; readonly inModel: boolean }[] = [
    { folder: path, depth: 0, inModel: false },
  ];
  let reports = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    signal.throwIfAborted();
    const { folder, depth, inModel } = next;
    const real = await realpath(folder).catch(() => folder);
    if (seen.has(real)) continue;
    seen.add(real);
    if (seen.size > MAX_FOLDERS) {
      yield {
        type: 'problem',
        problem: { path, error: toErrorData(new AppError('library.tooManyFolders', { path, limit: MAX_FOLDERS })) },
      };
      return;
    }
    if (depth > 0) yield { type: 'looking', path: folder };
    try {
      const contents = await readFolder(folder);
      const { models, problems } = await inspectContents(contents);
      const told = problems.filter((problem) => !isNoModel(problem) && !(inModel && isByproduct(problem)));
      reports += models.length + told.length;
      yield* reported({ models, problems: told });
      const isModel = inModel || models.some((model) => model.path === folder);
      // The first in the alphabet is taken first.
      if (depth < MAX_DEPTH)
        for (const name of contents.folders.toReversed()) open.push({ folder: join(folder, name), depth: depth + 1, inModel: isModel });
    } catch (error) {
      reports += 1;
      yield { type: 'problem', problem: { path: folder, error: toErrorData(error) } };
    }
  }
  if (reports === 0) yield { type: 'problem', problem: { path, error: toErrorData(new AppError('model.noWeights', { path })) } };
}

function* reported({ models, problems }: FolderModels): Generator<WalkEvent> {
  for (const model of models) yield { type: 'found', model };
  for (const problem of problems) yield { type: 'problem', problem };
}
