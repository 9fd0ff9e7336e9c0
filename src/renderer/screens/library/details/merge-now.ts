import type { Model } from '#contract/library.ts';
import { startJob } from '../../../jobs/start.ts';
import { pathsBeingWritten } from '../../../jobs/paths.ts';
import { goTo } from '../../../navigation.ts';
import { baseName, freePath } from '../../../output-names.ts';
import { folderOf } from '../../../paths.ts';
import { apiInUse, asAppError } from '../../../queries.ts';
import { errorToast } from '../../../toasts.tsx';

const newest = ({ addedMs, lastUsedMs }: Model): number => Math.max(addedMs, lastUsedMs ?? 0);

/**
 * Merge an adapter at its own strength into the model that it fits, beside that model and in its types, with a certificate. Of
 * several, the one that it names as its base, then the one used last.
 */
export async function mergeNow(adapter: Model): Promise<void> {
  const api = apiInUse();
  try {
    const [models, fits, jobs] = [
      await api.call('library.list', {}),
      await api.call('adapters.fits', { adapterId: adapter.id }),
      await api.call('jobs.list', {}),
    ];
    const named = adapter.facts.adapter?.baseModel;
    const isNamed = (model: Model): boolean => named !== undefined && [model.name, model.facts.name].includes(named.split('/').at(-1));
    const [base] = models
      .filter(({ id }) => fits.some(({ modelId, problems }) => modelId === id && problems.length === 0))
      .toSorted((left, right) => Number(isNamed(right)) - Number(isNamed(left)) || newest(right) - newest(left));
    // The screen says of each model why it does not fit.
    if (base === undefined) return goTo.adapters(adapter.id);
    const name = `${baseName(base.name)}-${adapter.name}`;
    const folder = folderOf(base.path);
    const { entries } = await api.call('system.listFolder', { path: folder });
    const taken = [...models.map(({ path }) => path), ...pathsBeingWritten(jobs), ...entries.map(({ path }) => path)];
    const outputPath = freePath(name, base.kind === 'gguf' ? '.gguf' : '', folder, taken);
    await startJob({ kind: 'merge', baseId: base.id, adapters: [{ adapterId: adapter.id, scale: 1 }], outputPath, name });
  } catch (error) {
    errorToast(asAppError(error));
  }
}
