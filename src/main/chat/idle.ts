import type { EngineStatus } from '#contract/chat.ts';

interface IdleOptions {
  readonly subscribe: (listener: (status: EngineStatus) => void) => () => void;
  /** Null: never. */
  readonly afterMinutes: () => number | null;
  readonly unload: () => Promise<unknown>;
}

const MINUTE_MS = 60_000;

/** Unload the model when nobody has asked it anything for a while. */
export function unloadWhenIdle({ subscribe, afterMinutes, unload }: IdleOptions) {
  let timer: NodeJS.Timeout | undefined;
  let status: EngineStatus = { state: 'empty' };
  const arm = (): void => {
    clearTimeout(timer);
    const minutes = afterMinutes();
    if (minutes === null || status.state !== 'ready' || status.generating) return;
    // A model that cannot be unloaded now is asked again after its next answer.
    timer = setTimeout(() => void unload().catch(() => undefined), minutes * MINUTE_MS);
    timer.unref();
  };
  const leave = subscribe((next) => {
    status = next;
    arm();
  });
  return {
    /** The setting has changed. */
    arm,
    close: (): void => {
      clearTimeout(timer);
      leave();
    },
  };
}
