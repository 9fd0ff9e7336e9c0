import type { ErrorText } from './text.ts';

/** Errors of what does not fit. */
export const memoryErrors = {
  'memory.short': {
    what: '{name} needs {needBytes} with a context of {contextLength} tokens: {missingBytes} more than is free.',
    safe: 'Nothing was loaded, and what was loaded before is still there.',
    next: 'Choose one of the ways to make it fit, close other programs, or load it all the same.',
  },
} as const satisfies Record<string, ErrorText>;
