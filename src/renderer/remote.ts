import type { RemoteChoice, RemoteEngine } from '#contract/remote.ts';
import { useLive } from './live.ts';

const NONE: readonly RemoteEngine[] = [];

/** The remote engines by name; none before the program has told them. */
export const useRemoteEngines = (): readonly RemoteEngine[] => useLive((state) => state.remoteEngines) ?? NONE;

/** A model of a remote engine, as the screens speak of it. */
export interface RemoteModel {
  readonly choice: RemoteChoice;
  /** Undefined where it was removed. */
  readonly engine: RemoteEngine | undefined;
}

export function useRemoteModel(choice: RemoteChoice | null): RemoteModel | null {
  const engines = useRemoteEngines();
  return choice === null ? null : { choice, engine: engines.find(({ id }) => id === choice.engineId) };
}
