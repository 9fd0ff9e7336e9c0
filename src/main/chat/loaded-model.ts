import { AppError, toErrorData } from '#core/errors/index.ts';
import type { LoadSettings } from '#core/memory/load.ts';
import type { EngineStatus } from '#contract/chat.ts';
import type { Model } from '#contract/library.ts';
import type { Allocated } from '#contract/memory.ts';
import { listeners } from '../changes.ts';
import type { EngineClient, Engines } from '../engines/index.ts';
import { heldBy, type LoadRoom } from './load-room.ts';

export interface LoadStage {
  readonly stage: Extract<EngineStatus, { state: 'loading' }>['stage'];
  readonly fraction: number | null;
}

interface AdapterAt {
  readonly path: string;
  readonly scale: number;
}

interface LoadRequest {
  readonly model: Pick<Model, 'id' | 'path' | 'kind' | 'name' | 'sizeBytes'>;
  /** Beside the weights; null: whatever is loaded will do, else none. */
  readonly adapters: readonly AdapterAt[] | null;
  /** Null: whatever is loaded will do, else what the model's settings say. */
  readonly contextLength: number | null;
  /** Without asking whether there is room. */
  readonly force?: boolean;
  readonly signal: AbortSignal;
  readonly onStage?: (stage: LoadStage) => void;
}

interface LoadedModelOptions {
  readonly engines: Pick<Engines, 'inference' | 'subscribe'>;
  /** Null: the engine measures. */
  readonly threads: () => number | null;
  readonly settingsOf: (modelId: string) => LoadSettings;
  readonly room: LoadRoom;
  /** For PEFT adapters, which are converted for llama.cpp. */
  readonly scratchFolder: string;
}

export type LoadedModel = ReturnType<typeof createLoadedModel>;

interface Loaded {
  readonly id: string;
  readonly path: string;
  readonly adapters: readonly AdapterAt[];
  /** What the model's settings were. */
  readonly settings: LoadSettings;
}

const isSameLoad = (a: LoadSettings, b: LoadSettings): boolean =>
  a.contextLength === b.contextLength &&
  a.gpuLayers === b.gpuLayers &&
  a.cacheType === b.cacheType &&
  a.flashAttention === b.flashAttention;

const isSame = (a: readonly AdapterAt[], b: readonly AdapterAt[]): boolean =>
  a.length === b.length && a.every(({ path, scale }, index) => path === b[index]?.path && scale === b[index].scale);

/** Whether an engine's process ended, with all that it held. */
const isGone = (error: unknown): boolean => error instanceof AppError && error.code === 'engine.crashed';

/** The model that the inference engine holds. Its methods are for whoever has the engine's turn. */
export function createLoadedModel({ engines, threads, settingsOf, room, scratchFolder }: LoadedModelOptions) {
  let status: EngineStatus = { state: 'empty' };
  /** What is in the engine, if anything is; the path, since an entry may be moved. */
  let loaded: Loaded | undefined;
  /** What the engine's process holds, loaded for whatever it was. */
  let held: Allocated | null = null;
  const changes = listeners<EngineStatus>();

  const set = (next: EngineStatus): void => {
    status = next;
    changes.emit(next);
  };

  const leave = engines.subscribe(({ kind, running, error }) => {
    if (kind !== 'inference' || running) return;
    const lost = loaded;
    loaded = undefined;
    held = null;
    // While it loads, the load itself says what went wrong.
    if (status.state !== 'ready') return;
    set(lost !== undefined && error !== undefined ? { state: 'failed', modelId: lost.id, error: toErrorData(error) } : { state: 'empty' });
  });

  /**
   * Make sure that a model is loaded, with adapters beside its weights. Where only they or the context's length are others, the weights
   * stay. Throws `engine.*`, `memory.short`, `adapters.*` and what the signal does; the status says so too, unless what was loaded is
   * still there.
   */
  const load = async ({
    model,
    adapters,
    contextLength,
    force = false,
    signal,
    onStage,
  }: LoadRequest): Promise<EngineClient<'inference'>['inference']> => {
    const { inference } = await engines.inference();
    const before = loaded?.id === model.id && loaded.path === model.path && status.state === 'ready' ? { loaded, status } : undefined;
    const settings = settingsOf(model.id);
    const isAsSet = before !== undefined && isSameLoad(before.loaded.settings, settings);
    const present = isAsSet ? before.status.contextLength : null;
    const wanted = {
      adapters: adapters ?? before?.loaded.adapters ?? [],
      contextLength: contextLength ?? present ?? settings.contextLength,
    };
    if (present !== null && present === wanted.contextLength && before !== undefined && isSame(before.loaded.adapters, wanted.adapters))
      return inference;
    /** The engine touches what it holds only after it has found that the adapters fit. */
    let isUntouched = true;
    const tell = (stage: LoadStage): void => {
      set({ state: 'loading', modelId: model.id, ...stage });
      onStage?.(stage);
    };
    tell({ stage: 'starting', fraction: null });
    loaded = undefined;
    try {
      const load = { ...settings, contextLength: wanted.contextLength };
      const seen = await room.check({ model, load, adapters: wanted.adapters, held, force }, signal);
      const request = {
        modelPath: model.path,
        adapters: [...wanted.adapters],
        ...load,
        contextLength: seen.contextLength,
        force,
        threads: threads(),
        scratchFolder,
      };
      for await (const event of inference.load(request, { signal })) {
        if (event.type === 'stage') {
          isUntouched &&= event.stage === 'starting';
          tell({ stage: event.stage, fraction: event.fraction });
        } else {
          const { contextLength: length, gpuLayers, threads: used, hasChatTemplate } = event;
          loaded = { id: model.id, path: model.path, adapters: wanted.adapters, settings };
          held = event.allocated;
          room.record(model, load, seen, event);
          const ready = { contextLength: length, gpuLayers, threads: used, hasChatTemplate, heldBytes: heldBy(held) };
          set({ state: 'ready', modelId: model.id, generating: false, ...ready });
          return inference;
        }
      }
      throw new AppError('request.cancelled', {});
    } catch (error) {
      if (!isUntouched) held = null;
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
      if (loaded !== undefined || held !== null) {
        const { inference } = await engines.inference();
        await inference.unload({});
        loaded = undefined;
        held = null;
      }
      set({ state: 'empty' });
    },
    close: leave,
  };
}
