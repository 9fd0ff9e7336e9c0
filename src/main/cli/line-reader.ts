import { createInterface } from 'node:readline';

/** Lines that a user types, or that come through a pipe. */
export interface LineReader {
  /** Whether somebody sits there: prompts are shown, and Ctrl+C is the conversation's. */
  readonly isTerminal: boolean;
  /** The next line; null where there are no more. */
  next(prompt: string): Promise<string | null>;
  close(): void;
}

interface Streams {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

/**
 * Read lines. On a terminal Ctrl+C goes to `interrupt` and does not end the process; through a pipe it stays the process's.
 * Lines that come before they are asked for wait.
 */
export function openLineReader({ input, output }: Streams, interrupt: () => void): LineReader {
  const isTerminal = input.isTTY === true && output.isTTY === true;
  // Without a terminal nothing is echoed into what others read.
  const reader = createInterface({ input, terminal: isTerminal, ...(isTerminal ? { output } : {}) });
  const waiting: string[] = [];
  let asking: ((line: string | null) => void) | undefined;
  let isClosed = false;
  reader.on('line', (line) => {
    if (asking === undefined) waiting.push(line);
    else asking(line);
  });
  reader.on('close', () => {
    isClosed = true;
    asking?.(null);
  });
  reader.on('SIGINT', interrupt);
  return {
    isTerminal,
    next: (prompt) => {
      const line = waiting.shift();
      if (line !== undefined) return Promise.resolve(line);
      if (isClosed) return Promise.resolve(null);
      return new Promise((resolve) => {
        asking = (given) => {
          asking = undefined;
          resolve(given);
        };
        if (!isTerminal) return;
        reader.setPrompt(prompt);
        reader.prompt();
      });
    },
    close: () => reader.close(),
  };
}
