import { useQueries } from '@tanstack/react-query';
import type { AppErrorData } from '#core/errors/index.ts';
import type { Model } from '#contract/library.ts';
import { useModels } from '../../models.ts';
import { callOptions } from '../../queries.ts';

/** An adapter, and whether a model can be run with it. */
export interface FittingAdapter {
  readonly adapterId: string;
  /** Undefined where it is no longer in the library. */
  readonly adapter: Model | undefined;
  /** What keeps it from the model; null: nothing, undefined: not known yet. */
  readonly problem: AppErrorData | null | undefined;
}

/** Whether adapters fit a model, in their order. */
export function useAdapterFits(adapterIds: readonly string[], modelId: string | null): FittingAdapter[] {
  const models = useModels();
  const adapters = adapterIds.map((id) => models.find((model) => model.id === id));
  const fits = useQueries({
    queries: adapterIds.map((adapterId, index) => ({
      ...callOptions('adapters.fits', { adapterId }),
      enabled: adapters[index]?.state.status === 'ready',
    })),
  });
  return adapterIds.map((adapterId, index) => {
    const adapter = adapters[index];
    if (adapter !== undefined && adapter.state.status !== 'ready') return { adapterId, adapter, problem: adapter.state.error };
    const { data, error } = fits[index] ?? {};
    if (error != null) return { adapterId, adapter, problem: error };
    const fit = data?.find((each) => each.modelId === modelId);
    return { adapterId, adapter, problem: fit === undefined ? undefined : (fit.problems[0] ?? null) };
  });
}
