import { isAbsolute } from 'node:path';
import { AppError } from '#core/errors/index.ts';
import type { Model } from '#contract/library.ts';
import type { ModelRepository } from '../db/models.ts';
import type { FoundModel } from './inspect.ts';
import { nearNames } from './near.ts';
import { exists, resolveUserPath, withoutLinks } from './paths.ts';
import { inspectPath } from './walk.ts';

/** Few enough to read. */
const SHOWN_CANDIDATES = 5;

const looksLikePath = (reference: string): boolean => /^~([\\/]|$)/.test(reference) || isAbsolute(reference);

/**
 * The model that a reference means: its id, its name, the path of its files, or the beginning of a name that no other has. A path
 * that is not in the library yet gives what lies there.
 * Throws `library.notFound` with names that are near, `library.ambiguous`, `library.severalModels`, and what is wrong with the files.
 */
export async function findModel(repository: ModelRepository, reference: string): Promise<Model | FoundModel> {
  const byId = repository.get(reference);
  if (byId !== undefined) return byId;
  const named = one(reference, repository.named(reference));
  if (named !== undefined) return named;
  if (looksLikePath(reference)) {
    const path = resolveUserPath(reference);
    const listed = repository.atPath(path, await withoutLinks(path));
    if (listed !== undefined) return listed;
    if (await exists(path)) return onlyModelAt(repository, path);
  }
  const all = repository.list();
  const start = reference.toLocaleLowerCase();
  const begun = one(
    reference,
    all.filter(({ name }) => name.toLocaleLowerCase().startsWith(start)),
  );
  if (begun !== undefined) return begun;
  const near = nearNames(
    reference,
    all.map(({ name }) => name),
  );
  throw near.length === 0
    ? new AppError('library.notFound', { reference })
    : new AppError('library.notFoundNear', { reference, near: near.join(', ') });
}

function one(reference: string, models: readonly Model[]): Model | undefined {
  if (models.length < 2) return models[0];
  const candidates = models.slice(0, SHOWN_CANDIDATES).map(({ id, name, kind }) => `${id} (${name}, ${kind})`);
  throw new AppError('library.ambiguous', { reference, candidates: candidates.join(', ') });
}

/** The model at a path: in a folder with several, the one that the folder as a whole is. */
async function onlyModelAt(repository: ModelRepository, path: string): Promise<Model | FoundModel> {
  const { models, problems } = await inspectPath(path);
  const [first] = models;
  const found = models.find((model) => model.path === path) ?? (models.length === 1 ? first : undefined);
  if (found !== undefined) return repository.atPath(found.path, found.realPath) ?? found;
  const [problem] = problems;
  if (first !== undefined) throw new AppError('library.severalModels', { path, names: models.map((model) => model.path).join(', ') });
  throw problem === undefined ? new AppError('model.noWeights', { path }) : AppError.from(problem.error);
}
