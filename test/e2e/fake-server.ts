import { AppError } from '#core/errors/index.ts';
import type { AppHandlers } from '#contract/index.ts';
import type { ServerRequest, ServerStatus } from '#contract/server.ts';

type Running = Extract<ServerStatus, { state: 'running' }>;

const PORT = 11_500;
const keyOf = (serial: number): string => `lathe-${`k3y${serial}_`.padEnd(43, 'Q7vX2mT')}`;

const request = (id: string, agoMs: number, fields: Partial<ServerRequest>): ServerRequest => ({
  id,
  startedMs: Date.now() - agoMs,
  durationMs: 1,
  path: '/v1/chat/completions',
  model: 'qwen2.5-7b-instruct-q4_k_m',
  adapters: [],
  isStream: false,
  state: 'done',
  status: 200,
  promptTokens: 0,
  cachedTokens: 0,
  answerTokens: 0,
  ...fields,
});

/** What editors and scripts would ask, and what goes wrong. */
const asked = (): ServerRequest[] => [
  request('r1', 240_000, { path: '/v1/models', model: null, durationMs: 4 }),
  request('r2', 190_000, { promptTokens: 1842, answerTokens: 412, durationMs: 28_400, isStream: true }),
  request('r3', 120_000, { promptTokens: 2311, cachedTokens: 2254, answerTokens: 96, durationMs: 6900, isStream: true }),
  request('r4', 80_000, { model: 'gpt-4o', state: 'refused', status: 404, durationMs: 2 }),
  request('r5', 61_000, { path: '/v1/embeddings', model: 'stories15M', promptTokens: 640, durationMs: 210 }),
  request('r6', 40_000, { path: '/v1/completions', promptTokens: 320, answerTokens: 18, state: 'left', isStream: true, durationMs: 1300 }),
  request('r7', 12_000, { state: 'failed', status: 503, promptTokens: 12, durationMs: 480 }),
];

const busy = (): ServerRequest[] => [
  request('r8', 4200, {
    state: 'running',
    status: 200,
    durationMs: null,
    isStream: true,
    adapters: [{ name: 'tone', scale: 0.8 }],
    promptTokens: 2419,
    cachedTokens: 2311,
  }),
  request('r9', 900, { state: 'running', status: null, durationMs: null, path: '/v1/embeddings', model: 'stories15M' }),
];

/** A server that is off, one that was asked, one that is being asked, and one whose port is taken. */
export function fakeServer(scene: 'empty' | 'filled' | 'running' | 'error'): AppHandlers['server'] {
  let serial = 1;
  const on = (): Running => ({
    state: 'running',
    port: PORT,
    address: `http://127.0.0.1:${PORT}/v1`,
    token: keyOf(serial),
    isMounted: true,
  });
  let status: ServerStatus = scene === 'filled' || scene === 'running' ? on() : { state: 'stopped' };
  const listeners = new Set<() => void>();
  const set = (next: ServerStatus): ServerStatus => {
    status = next;
    for (const listener of listeners) listener();
    return next;
  };
  const whenever = async function* <T>(signal: AbortSignal, read: () => readonly T[], goesOn: boolean): AsyncGenerator<T> {
    yield* read();
    while (!signal.aborted) {
      await new Promise<void>((resolve) => {
        listeners.add(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      if (goesOn && !signal.aborted) yield* read();
    }
  };
  return {
    status: (_, { signal }) => whenever(signal, () => [status], true),
    start: ({ port }) => {
      if (scene === 'error') throw new AppError('host.portTaken', { port: String(port === 0 ? PORT : port) });
      return set(on());
    },
    stop: () => set({ state: 'stopped' }),
    renewToken: () => {
      serial += 1;
      return set(on());
    },
    requests: (_, { signal }) =>
      whenever(signal, () => (scene === 'empty' || scene === 'error' ? [] : [...asked(), ...(scene === 'running' ? busy() : [])]), false),
  };
}
