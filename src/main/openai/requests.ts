import type { ServerRequest } from '#contract/server.ts';
import { listeners, streamOf } from '../changes.ts';
import { newId } from '../ids.ts';

/** Requests that are remembered for a screen. */
const KEPT = 200;

/** What other programs ask, for the user to see. */
export function requestFeed(clock: () => number) {
  const recent = new Map<string, ServerRequest>();
  const changes = listeners<ServerRequest>();
  const set = (request: ServerRequest): void => {
    recent.set(request.id, request);
    const [oldest] = recent.keys();
    if (recent.size > KEPT && oldest !== undefined) recent.delete(oldest);
    changes.emit(request);
  };
  return {
    /** Begin one; returns what tells its changes. */
    begin: (path: string) => {
      let request: ServerRequest = {
        id: newId(),
        startedMs: clock(),
        durationMs: null,
        path,
        model: null,
        adapters: [],
        isStream: false,
        state: 'running',
        status: null,
        promptTokens: 0,
        cachedTokens: 0,
        answerTokens: 0,
      };
      set(request);
      return (change: Partial<ServerRequest>): void => {
        request = { ...request, ...change };
        set(request);
      };
    },
    watch: (signal: AbortSignal): AsyncGenerator<ServerRequest, void> =>
      streamOf(changes.add, { signal, key: ({ id }) => id, first: recent.values(), limit: KEPT }),
  };
}

export type TellRequest = ReturnType<ReturnType<typeof requestFeed>['begin']>;
