import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, toErrorData } from '#core/errors/index.ts';
import { diskError } from '#core/errors/on-disk.ts';
import type { Model } from '#contract/library.ts';
import type { ModelContent, ModelFile, ModelPlace, ModelRepository, ModelState } from '../db/models.ts';
import type { Log } from '../log.ts';
import { statFile } from './folder.ts';
import { folderOf, type FoundModel } from './inspect.ts';
import { inspectPath } from './walk.ts';

/** Models whose files are looked for at the same time: a network drive answers slowly, but to several at once. */
const AT_ONCE = 8;

/** How a model's files stand to what is known of them. */
export type FileCheck =
  | { readonly status: 'same' }
  | { readonly status: 'missing'; readonly state: ModelState }
  | { readonly status: 'changed'; readonly names: readonly string[] };

/** Look for a model's files, by size and time of change; nothing is read. */
export async function checkFiles(model: Pick<Model, 'kind' | 'path'>, files: readonly ModelFile[]): Promise<FileCheck> {
  const folder = folderOf(model);
  const changed: string[] = [];
  for (const { name, sizeBytes, modifiedMs } of files) {
    const path = join(folder, name);
    try {
      const found = await stat(path);
      if (!found.isFile() || found.size !== sizeBytes || found.mtimeMs !== modifiedMs) changed.push(name);
    } catch (error) {
      const known = diskError(error, path);
      const isGone = known instanceof AppError && known.code === 'disk.missing';
      return {
        status: 'missing',
        state: { status: 'missing', error: toErrorData(isGone ? new AppError('library.fileMissing', { path }) : known) },
      };
    }
  }
  return changed.length === 0 ? { status: 'same' } : { status: 'changed', names: changed };
}

/** The files as they are now, with the hashes that were recorded. */
async function restat(model: Model, files: readonly ModelFile[]): Promise<ModelFile[]> {
  const folder = folderOf(model);
  return Promise.all(
    files.map(async (file) => {
      const now = await statFile(join(folder, file.name)).catch(() => file);
      return { ...file, sizeBytes: now.sizeBytes, modifiedMs: now.modifiedMs };
    }),
  );
}

/** The model that lies where an entry says. Throws what is wrong with it. */
export async function inspectEntry({ path, kind }: Pick<Model, 'path' | 'kind'>): Promise<FoundModel> {
  const { models, problems } = await inspectPath(path);
  const found = models.find((model) => model.path === path) ?? models.find((model) => model.kind === kind);
  if (found !== undefined) return found;
  const [problem] = problems;
  throw problem === undefined ? new AppError('model.noWeights', { path }) : AppError.from(problem.error);
}

export const contentOf = ({ kind, path, realPath, facts, files }: FoundModel): ModelContent => ({
  kind,
  path,
  realPath,
  facts,
  files: files.map((file) => ({ ...file, sha256: null })),
});

export interface States {
  /** Bring one entry up to date with its files; `fully`: read them again although nothing seems to have changed. */
  refresh(id: string, fully?: boolean): Promise<void>;
  /** Bring all entries up to date. Asked again while it runs, it is the same run. */
  refreshAll(): Promise<void>;
}

/** Keeps the entries' states right: usable, missing, or broken, and whether the content is still the one that was hashed. */
export function createStates(repository: ModelRepository, log: Log): States {
  let all: Promise<void> | undefined;

  const inspect = async (model: Model, files: readonly ModelFile[], changed: readonly string[]): Promise<void> => {
    try {
      const content = contentOf(await inspectEntry(model));
      // What did not change keeps its hash.
      const hashes = new Map(files.filter(({ name }) => !changed.includes(name)).map(({ name, sha256 }) => [name, sha256]));
      const names = new Set(files.map(({ name }) => name));
      const isSame = changed.length === 0 && content.files.length === files.length && content.files.every(({ name }) => names.has(name));
      repository.setContent(model.id, {
        ...content,
        files: content.files.map((file) => ({ ...file, sha256: hashes.get(file.name) ?? null })),
      });
      if (!isSame) repository.markChanged(model.id);
    } catch (error) {
      // As they are now, so that they are read again when they change again and not each time the list is shown.
      repository.setBroken(model.id, toErrorData(error), await restat(model, files));
      if (changed.length > 0) repository.markChanged(model.id);
    }
  };

  const bring = async (place: ModelPlace, files: readonly ModelFile[], fully: boolean): Promise<void> => {
    const check = await checkFiles(place, files);
    if (check.status === 'same' && place.status !== 'missing' && !fully) return;
    // It may have been removed while its files were looked for.
    const now = repository.get(place.id);
    if (now === undefined) return;
    if (check.status === 'missing') {
      if (JSON.stringify(now.state) === JSON.stringify(check.state)) return;
      repository.setState(now.id, check.state);
      log.write('warn', 'library', `${now.id} is missing: ${now.path}`);
    } else if (check.status === 'changed') {
      await inspect(now, files, check.names);
    } else await inspect(now, files, []);
  };

  return {
    refresh: async (id, fully = false) => {
      const model = repository.get(id);
      if (model !== undefined) await bring({ ...model, status: model.state.status }, repository.files(id), fully);
    },
    refreshAll: () =>
      (all ??= (async () => {
        const files = repository.filesOfAll();
        const waiting = repository.places();
        const work = async (): Promise<void> => {
          for (let model = waiting.shift(); model !== undefined; model = waiting.shift())
            await bring(model, files.get(model.id) ?? [], false);
        };
        await Promise.all(Array.from({ length: AT_ONCE }, work));
      })().finally(() => (all = undefined))),
  };
}
