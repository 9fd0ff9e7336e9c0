import { AppError, toErrorData } from '#core/errors/index.ts';
import type { EngineStatus } from '#contract/chat.ts';
import type { Model } from '#contract/library.ts';
import { listeners } from '../changes.ts';
import type { EngineClient, Engines } from '../engines/index.ts';

export interface LoadStage {
  readonly stage: Extract<EngineStatus, { state: 'loading' }>['stage'];
  readonly fraction: number | null;
}

interface LoadRequest {
  readonly model: Pick<Model, 'id' | 'path'>;
  /** Null: whatever is loaded will do, else the engine chooses. */
  readonly contextLength: number | null;
  readonly signal: AbortSignal;
  readonly onStage?: (stage: LoadStage) => void;
}

interface LoadedModelOptions {
  readonly engines: Pick<Engines, 'inference' | 'subscribe'>;
  /** Null: the engine measures. */
  readonly threads: () => number | null;
}

export type LoadedModel = ReturnType<typeof createLoadedModel>;

/** The model that the inference engine holds. Its methods are for whoever has the engine's turn. */
export function createLoadedModel({ engines, threads }: LoadedModelOptions) {
  let status: EngineStatus = { state: 'empty' };
  /** What is in the engine, if anything is; the path, since an entry may be moved. */
  let loaded: { readonly id: string; readonly path: string } | undefined;
  const changes = listeners<EngineStatus>();

  const set = (next: EngineStatus): void => {
    status = next;
    changes.emit(next);
  };

  const leave = engines.subscribe(({ kind, running, error }) => {
    if (kind !== 'inference' || running) return;
    const lost = loaded;
    loaded = undefined;
    // While it loads, the load itself says what went wrong.
    if (status.state !== 'ready') return;
    set(lost !== undefined && error !== undefined ? { state: 'failed', modelId: lost.id, error: toErrorData(error) } : { state: 'empty' });
  });

  /** Make sure that a model is loaded. Throws `engine.*` and what the signal does; the status says so too. */
  const load = async ({ model, contextLength, signal, onStage }: LoadRequest): Promise<EngineClient<'inference'>['inference']> => {
    const { inference } = await engines.inference();
    const isThere = loaded?.id === model.id && loaded.path === model.path && status.state === 'ready';
    if (isThere && (contextLength === null || (status.state === 'ready' && status.contextLength === contextLength))) return inference;
    const tell = (stage: LoadStage): void => {
      set({ state: 'loading', modelId: model.id, ...stage });
      onStage?.(stage);
    };
    tell({ stage: 'starting', fraction: null });
    loaded = undefined;
    try {
      for await (const event of inference.load({ modelPath: model.path, contextLength, threads: threads() }, { signal })) {
        if (event.type === 'stage') tell({ stage: event.stage, fraction: event.fraction });
        else {
          const { contextLength: length, gpuLayers, threads: used, hasChatTemplate } = event;
          loaded = { id: model.id, path: model.path };
          set({ state: 'ready', modelId: model.id, contextLength: length, gpuLayers, threads: used, hasChatTemplate, generating: false });
          return inference;
        }
      }
      throw new AppError('request.cancelled', {});
    } catch (error) {
      set(signal.aborted ? { state: 'empty' } : { state: 'failed', modelId: model.id, error: toErrorData(error) });
      throw error;
    }
  };

  return {
    load,
    status: (): EngineStatus => status,
    subscribe: changes.add,
    setGenerating: (generating: boolean): void => {
      if (status.state === 'ready' && status.generating !== generating) set({ ...status, generating });
    },
    unload: async (): Promise<void> => {
      if (loaded !== undefined) {
        const { inference } = await engines.inference();
        await inference.unload({});
        loaded = undefined;
      }
      set({ state: 'empty' });
    },
    close: leave,
  };
}
