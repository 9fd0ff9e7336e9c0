import { eventQueue } from './event-queue.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogLine {
  readonly level: LogLevel;
  readonly text: string;
}

/** The engine's log. Lines wait until main reads them, and go on to the next reader when one leaves. */
export interface EngineLog {
  write(level: LogLevel, text: string): void;
  read(signal: AbortSignal): AsyncIterable<LogLine>;
}

/** A library that repeats a warning for each token must not fill the memory while nobody reads. */
const MAX_WAITING_LINES = 1000;

export function createEngineLog(): EngineLog {
  let queue = eventQueue<LogLine>({ limit: MAX_WAITING_LINES });
  return {
    write: (level, text) => queue.push({ level, text }),
    read: async function* (signal) {
      // A new reader takes the place of the one before it.
      queue.end();
      const own = eventQueue<LogLine>({ limit: MAX_WAITING_LINES });
      for await (const line of queue) own.push(line);
      queue = own;
      const leave = (): void => own.end();
      signal.addEventListener('abort', leave, { once: true });
      yield* own;
    },
  };
}
