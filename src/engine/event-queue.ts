/** Events from callbacks, to be read as a stream. `push` may come from anywhere and never blocks. */
export interface EventQueue<T> extends AsyncIterable<T> {
  push(event: T): void;
  /** No more events; a reader gets what is left, then the end, or the error. */
  end(error?: unknown): void;
}

export interface EventQueueOptions<T> {
  /** Whether the newest event makes this waiting one worthless: progress that nobody has read yet. */
  readonly replaces?: (newest: T, waiting: T) => boolean;
  /** Waiting events above this are dropped, the oldest first. */
  readonly limit?: number;
}

/** A queue with one reader. */
export function eventQueue<T>({ replaces, limit = Infinity }: EventQueueOptions<T> = {}): EventQueue<T> {
  const waiting: T[] = [];
  let ended: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;
  const note = (): void => {
    wake?.();
    wake = undefined;
  };
  return {
    push: (event) => {
      const last = waiting.at(-1);
      if (last !== undefined && replaces?.(event, last) === true) waiting.pop();
      waiting.push(event);
      if (waiting.length > limit) waiting.shift();
      note();
    },
    end: (error) => {
      ended ??= { error };
      note();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) yield event;
        if (ended !== undefined) break;
        await new Promise<void>((resolve) => (wake = resolve));
      }
      if (ended.error !== undefined) throw ended.error;
    },
  };
}
