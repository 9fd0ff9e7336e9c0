import type { ErrorText } from './text.ts';

/** Errors of the place where Lathe runs: the desktop, a server without one, the command line. */
export const hostErrors = {
  'host.noDialog': {
    what: 'There is no file dialog here.',
    safe: 'Nothing was changed.',
    next: 'Type the path into the field; it completes folders and files.',
  },
  'host.noFileManager': {
    what: 'There is no file manager here.',
    safe: 'Nothing was changed.',
    next: 'Copy the path and open it where you like.',
  },
  'host.noTrash': {
    what: '{path} could not be moved into the trash.',
    safe: 'The file is still where it was.',
    next: 'Remove only the entry, or delete the file yourself.',
  },
  'host.portTaken': {
    what: 'Port {port} is in use by another program.',
    safe: 'Nothing was started.',
    next: 'Choose another port, or none at all to get a free one.',
  },
  'host.notBuilt': {
    what: 'The app has not been built: {path} is missing.',
    safe: 'Nothing was started.',
    next: 'Run npm run build, then try again.',
  },
} as const satisfies Record<string, ErrorText>;
