import type { ErrorText } from './text.ts';

/** Errors of the command line itself. */
export const cliErrors = {
  'cli.usage': {
    what: 'The command is not right: {problem}.',
    safe: 'Nothing was done.',
    next: 'See lathe --help, or lathe COMMAND --help.',
  },
} as const satisfies Record<string, ErrorText>;
