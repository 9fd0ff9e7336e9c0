import type { AppError } from '#core/errors/index.ts';
import type { EngineKind } from '#contract/engine.ts';
import type { EngineProcess } from './process.ts';
import { EngineSlot, type EngineClient, type EngineLogLevel, type SlotOptions } from './slot.ts';

export type { EngineClient, EngineLogLevel } from './slot.ts';
export { forkEngine, type EngineProcess } from './process.ts';

/** An engine started, or ended; `error` where nobody asked it to. */
export interface EngineChange {
  readonly kind: EngineKind;
  readonly running: boolean;
  readonly error: AppError | undefined;
}

export interface EnginesOptions {
  readonly spawn: (kind: EngineKind) => EngineProcess;
  readonly log: (level: EngineLogLevel, source: string, text: string) => void;
  /** Milliseconds that only go forward; a test may pass its own. */
  readonly nowMs?: () => number;
  readonly handshakeTimeoutMs?: number;
  readonly pingIntervalMs?: number;
  readonly pingTimeoutMs?: number;
  /** All but the inference engine hold nothing between jobs: they give their memory back after this long without one. */
  readonly tensorIdleMs?: number;
}

/** The engine processes of the program. Each is started when it is first needed, and again after it died. */
export interface Engines {
  /** The client of the running engine. Throws `engine.unstable` after three crashes within a minute, and other `engine.*` errors. */
  inference(): Promise<EngineClient<'inference'>>;
  tensor(): Promise<EngineClient<'tensor'>>;
  trainer(): Promise<EngineClient<'trainer'>>;
  benchmark(): Promise<EngineClient<'benchmark'>>;
  /** Stop an engine; its open requests end with `engine.stopped`. The next demand starts a new one. */
  restart(kind: EngineKind): Promise<void>;
  /** Called with every start and end from now on. Returns what ends that. */
  subscribe(listener: (change: EngineChange) => void): () => void;
  /** The running engines' processes, and their memory at the last ping. */
  processes(): { readonly kind: EngineKind; readonly pid: number; readonly residentBytes: number | null }[];
  /** Stop all engines for good. */
  close(): Promise<void>;
}

/** A cold start reads about 100 MB of libraries, and tries graphics drivers, on what may be a slow disk. */
const HANDSHAKE_TIMEOUT_MS = 60_000;
const PING_INTERVAL_MS = 5000;
/** What blocks an engine's loop longest is splitting a text of two million characters into tokens: a few seconds. */
const PING_TIMEOUT_MS = 60_000;
const TENSOR_IDLE_MS = 60_000;
const CRASH_LIMIT = 3;
const CRASH_WINDOW_MS = 60_000;

export function createEngines(options: EnginesOptions): Engines {
  const listeners = new Set<(change: EngineChange) => void>();
  const slotOptions = (kind: EngineKind): SlotOptions => ({
    spawn: () => options.spawn(kind),
    log: (level, text) => options.log(level, `engine.${kind}`, text),
    changed: (state) => {
      for (const listener of listeners) listener({ kind, ...state });
    },
    nowMs: options.nowMs ?? (() => performance.now()),
    handshakeTimeoutMs: options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS,
    pingIntervalMs: options.pingIntervalMs ?? PING_INTERVAL_MS,
    pingTimeoutMs: options.pingTimeoutMs ?? PING_TIMEOUT_MS,
    idleMs: kind === 'inference' ? null : (options.tensorIdleMs ?? TENSOR_IDLE_MS),
    crashLimit: CRASH_LIMIT,
    crashWindowMs: CRASH_WINDOW_MS,
  });
  const slots = {
    inference: new EngineSlot('inference', slotOptions('inference')),
    tensor: new EngineSlot('tensor', slotOptions('tensor')),
    trainer: new EngineSlot('trainer', slotOptions('trainer')),
    benchmark: new EngineSlot('benchmark', slotOptions('benchmark')),
  };
  const kinds = Object.keys(slots) as EngineKind[];
  return {
    inference: () => slots.inference.client(),
    tensor: () => slots.tensor.client(),
    trainer: () => slots.trainer.client(),
    benchmark: () => slots.benchmark.client(),
    restart: (kind) => slots[kind].stop(),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    processes: () =>
      kinds.flatMap((kind) => {
        const { pid, residentBytes } = slots[kind];
        return pid === undefined ? [] : [{ kind, pid, residentBytes }];
      }),
    close: async () => {
      await Promise.all(kinds.map((kind) => slots[kind].close()));
    },
  };
}
