import { AppError, toErrorData } from '#core/errors/index.ts';
import type { EngineStatus } from '#contract/chat.ts';
import type { Model } from '#contract/library.ts';
import { listeners } from '../changes.ts';
import type { EngineClient, Engines } from '../engines/index.ts';

export interface LoadStage {
  readonly stage: Extract<EngineStatus, { state: 'loading' }>['stage'];
  readonly fraction: number | null;
}

interface AdapterAt {
  readonly path: string;
  readonly scale: number;
}

interface LoadRequest {
  readonly model: Pick<Model, 'id' | 'path'>;
  /** Beside the weights; null: whatever is loaded will do, else none. */
  readonly adapters: readonly AdapterAt[] | null;
  /** Null: whatever is loaded will do, else the engine chooses. */
  readonly contextLength: number | null;
  readonly signal: AbortSignal;
  readonly onStage?: (stage: LoadStage) => void;
}

interface LoadedModelOptions {
  readonly engines: Pick<Engines, 'inference' | 'subscribe'>;
  /** Null: the engine measures. */
  readonly threads: () => number | null;
  /** For PEFT adapters, which are converted for llama.cpp. */
  readonly scratchFolder: string;
}

export type LoadedModel = ReturnType<typeof createLoadedModel>;

const isSame = (a: readonly AdapterAt[], b: readonly AdapterAt[]): boolean =>
  a.length === b.length && a.every(({ path, scale }, index) => path === b[index]?.path && scale === b[index].scale);

/** Whether an engine's process ended, with all that it held. */
const isGone = (error: unknown): boolean => error instanceof AppError && error.code === 'engine.crashed';

/** The model that the inference engine holds. Its methods are for whoever has the engine's turn. */
export function createLoadedModel({ engines, threads, scratchFolder }: LoadedModelOptions) {
  let status: EngineStatus = { state: 'empty' };
  /** What is in the engine, if anything is; the path, since an entry may be moved. */
  let loaded: { readonly id: string; readonly path: string; readonly adapters: readonly AdapterAt[] } | undefined;
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

  /**
   * Make sure that a model is loaded, with adapters beside its weights. Where only they or the context's length are others, the weights
   * stay. Throws `engine.*`, `adapters.*` and what the signal does; the status says so too, unless what was loaded is still there.
   */
  const load = async ({
    model,
    adapters,
    contextLength,
    signal,
    onStage,
  }: LoadRequest): Promise<EngineClient<'inference'>['inference']> => {
    const { inference } = await engines.inference();
    const before = loaded?.id === model.id && loaded.path === model.path && status.state === 'ready' ? { loaded, status } : undefined;
    const wanted = {
      adapters: adapters ?? before?.loaded.adapters ?? [],
      contextLength: contextLength ?? before?.status.contextLength ?? null,
    };
    if (before?.status.contextLength === wanted.contextLength && isSame(before.loaded.adapters, wanted.adapters)) return inference;
    /** The engine touches what it holds only after it has found that the adapters fit. */
    let isUntouched = true;
    const tell = (stage: LoadStage): void => {
      set({ state: 'loading', modelId: model.id, ...stage });
      onStage?.(stage);
    };
    tell({ stage: 'starting', fraction: null });
    loaded = undefined;
    const request = {
      modelPath: model.path,
      adapters: [...wanted.adapters],
      contextLength: wanted.contextLength,
      threads: threads(),
      scratchFolder,
    };
    try {
      for await (const event of inference.load(request, { signal })) {
        if (event.type === 'stage') {
          isUntouched &&= event.stage === 'starting';
          tell({ stage: event.stage, fraction: event.fraction });
        } else {
          const { contextLength: length, gpuLayers, threads: used, hasChatTemplate } = event;
          loaded = { id: model.id, path: model.path, adapters: wanted.adapters };
          set({ state: 'ready', modelId: model.id, contextLength: length, gpuLayers, threads: used, hasChatTemplate, generating: false });
          return inference;
        }
      }
      throw new AppError('request.cancelled', {});
    } catch (error) {
      if (before !== undefined && isUntouched && !isGone(error)) {
        loaded = before.loaded;
        set(before.status);
      } else set(signal.aborted ? { state: 'empty' } : { state: 'failed', modelId: model.id, error: toErrorData(error) });
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
