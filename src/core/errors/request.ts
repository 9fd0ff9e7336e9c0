import type { ErrorText } from './text.ts';

/** Errors of the contract itself: what was asked, and the wire that carried it. */
export const requestErrors = {
  'request.invalid': {
    what: 'The request {path} is not valid: {problem}.',
    safe: 'Nothing was done.',
    next: 'Correct the named field and try again.',
  },
  'request.unknown': {
    what: 'There is no request named {path}.',
    safe: 'Nothing was done.',
    next: 'Update Lathe, so that both of its parts have the same version.',
  },
  'request.tooMany': {
    what: 'More than {limit} requests are open at the same time.',
    safe: 'The open ones go on.',
    next: 'Wait until some of them have ended. If this happens in a window of Lathe, reload it.',
  },
  'request.cancelled': {
    what: 'The request was cancelled.',
    safe: 'What was finished before is kept.',
    next: 'Start it again when you like.',
  },
  'reply.invalid': {
    what: 'The answer to {path} is not what was agreed: {problem}.',
    safe: 'Nothing was lost.',
    next: 'Update Lathe, so that both of its parts have the same version.',
  },
  'transport.closed': {
    what: 'The connection to Lathe was closed.',
    safe: 'Running jobs go on; what is saved is kept.',
    next: 'Reload the window.',
  },
  'transport.version': {
    what: 'This window speaks protocol {theirs}, the program speaks {ours}.',
    safe: 'Nothing was done.',
    next: 'Reload the window, or update Lathe.',
  },
  'transport.tooLarge': {
    what: 'A message of {sizeBytes} is over the limit of {limitBytes}.',
    safe: 'Nothing was done.',
    next: 'Ask for less at a time.',
  },
  'internal.unexpected': {
    what: 'Something unexpected happened: {problem}.',
    safe: 'Finished work and saved files are kept.',
    next: 'Try again. If it happens again, copy the details and report it.',
  },
} as const satisfies Record<string, ErrorText>;
