import { keepPreviousData, QueryClient, queryOptions, useMutation, useQuery } from '@tanstack/react-query';
import { useEffect, useEffectEvent, useState } from 'react';
import { AppError } from '#core/errors/index.ts';
import type { Api, CallPath, Event, Input, Output, StreamPath } from './api.ts';

/**
 * What the program knows, as the page sees it: one cache entry for each contract path and input, kept right by the streams
 * of changes (live.ts) and so never fetched on a timer.
 */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: { staleTime: Infinity, retry: false, refetchOnWindowFocus: false, networkMode: 'always' },
    mutations: { networkMode: 'always' },
  },
});

/** How long to wait before a stream that failed is asked for again. */
const STREAM_RETRY_MS = 1500;

let api: Api;

/** Set once, before the first render. */
export function provideApi(provided: Api): void {
  api = provided;
}

export const apiInUse = (): Api => api;

export const keyOf = <P extends CallPath | StreamPath>(path: P, input: Input<P>) => [path, input] as const;

export const callOptions = <P extends CallPath>(path: P, input: Input<P>) =>
  queryOptions<Output<P>, AppError>({ queryKey: keyOf(path, input), queryFn: ({ signal }) => api.call(path, input, signal) });

interface CallUse {
  readonly enabled?: boolean;
  /** While another question is asked, the answer to the last one stays. */
  readonly keepPrevious?: boolean;
}

export function useCall<P extends CallPath>(path: P, input: Input<P>, { enabled = true, keepPrevious = false }: CallUse = {}) {
  return useQuery({ ...callOptions(path, input), enabled, ...(keepPrevious ? { placeholderData: keepPreviousData } : {}) });
}

/** An action of the user. The caller shows the error where the action was. */
export function useAction<P extends CallPath>(path: P) {
  return useMutation<Output<P>, AppError, Input<P>>({ mutationFn: (input) => api.call(path, input) });
}

/** Put what is known of one call's answer, or change it. Does nothing to `update` where the answer was never asked for. */
export function patch<P extends CallPath>(path: P, input: Input<P>, update: (value: Output<P>) => Output<P>): void {
  queryClient.setQueryData<Output<P>>(keyOf(path, input), (value) => (value === undefined ? undefined : update(value)));
}

/**
 * Listen to a stream until `signal` aborts, and again whenever it breaks off.
 * @param onStart called before each (re)start: what was missed in between has to be asked for
 */
export async function follow<P extends StreamPath>(
  path: P,
  input: Input<P>,
  onEvent: (event: Event<P>) => void,
  signal: AbortSignal,
  onStart: () => void = () => undefined,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const events = api.stream(path, input, signal);
      onStart();
      for await (const event of events) onEvent(event);
    } catch {
      // The banner says that the connection is lost; a stream that failed by itself is asked for again.
    }
    if (signal.aborted) return;
    await new Promise((resolve) => setTimeout(resolve, STREAM_RETRY_MS));
  }
}

/** The last event of a stream, and a listener for all of them, while the component is there. */
export function useStream<P extends StreamPath>(
  path: P,
  input: Input<P>,
  onEvent?: (event: Event<P>) => void,
  onStart?: () => void,
): Event<P> | undefined {
  const [last, setLast] = useState<Event<P>>();
  const receive = useEffectEvent((event: Event<P>) => {
    onEvent?.(event);
    setLast(() => event);
  });
  const start = useEffectEvent(() => onStart?.());
  const key = JSON.stringify(input);
  useEffect(() => {
    const leaving = new AbortController();
    void follow(path, JSON.parse(key) as Input<P>, receive, leaving.signal, start);
    return () => leaving.abort();
  }, [path, key]);
  return last;
}

/** Any thrown value as the error that a panel shows. */
export const asAppError = (error: unknown): AppError =>
  error instanceof AppError
    ? error
    : new AppError('internal.unexpected', { problem: error instanceof Error ? error.message : String(error) });
