import { AppError } from '#core/errors/index.ts';
import type { AdapterUse } from '#contract/adapters.ts';
import type { Model } from '#contract/library.ts';
import type { Lineage } from '../db/models.ts';
import type { Library } from '../library/index.ts';
import type { JobContext, WorkReport } from './runner.ts';

/** An adapter of the library, and how strongly it acts. */
export interface UsedAdapter {
  readonly adapter: Model;
  readonly scale: number;
}

export const isAdapter = ({ kind }: Pick<Model, 'kind'>): boolean => kind === 'peft-adapter' || kind === 'gguf-adapter';

/** Throws `jobs.needsAdapter` for a model, and what keeps an adapter's files from being used. */
export async function usableAdapter(library: Pick<Library, 'usable'>, adapterId: string): Promise<Model> {
  const adapter = await library.usable(adapterId);
  if (!isAdapter(adapter)) throw new AppError('jobs.needsAdapter', { name: adapter.name });
  return adapter;
}

export async function usableAdapters(library: Pick<Library, 'usable'>, uses: readonly AdapterUse[]): Promise<UsedAdapter[]> {
  const used: UsedAdapter[] = [];
  for (const { adapterId, scale } of uses) used.push({ adapter: await usableAdapter(library, adapterId), scale });
  return used;
}

/** As the engine is asked. */
export const adaptersAt = (used: readonly UsedAdapter[]): { path: string; scale: number }[] =>
  used.map(({ adapter, scale }) => ({ path: adapter.path, scale }));

/** What something was made from, with the hashes of all of it. */
export async function parentsOf(
  library: Pick<Library, 'hashOf'>,
  parts: readonly { readonly model: Model; readonly role: Lineage['parents'][number]['role'] }[],
  { signal, progress }: JobContext,
  phase: string,
): Promise<Lineage['parents']> {
  const context = { signal, progress: (report: WorkReport) => progress({ ...report, phase }) };
  const parents: Lineage['parents'] = [];
  for (const { model, role } of parts)
    parents.push({ modelId: model.id, name: model.name, sha256: await library.hashOf(model.id, context), role });
  return parents;
}
