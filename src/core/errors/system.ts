import type { ErrorText } from './text.ts';

const nothingChanged = 'Nothing was changed.';

/** Errors of the data folder, its database, and of paths. */
export const systemErrors = {
  'db.pathTooLong': {
    what: 'The path of the data folder is too long for its database: {path} takes {pathBytes}, of at most {maxBytes}.',
    safe: nothingChanged,
    next: 'Choose a data folder with a shorter path. Models may lie in longer ones.',
  },
  'db.newer': {
    what: 'The library in {path} was last used by a newer version of Lathe (format {found}; this one knows {known}).',
    safe: 'It was not touched.',
    next: 'Update Lathe, or start it with another data folder.',
  },
  'db.corrupt': {
    what: 'The library file {path} is damaged.',
    safe: 'It was not changed, and your models are not in it: they lie where they were.',
    next: 'Make a copy of it, restore it from a backup if there is one, or move it away to begin with an empty library.',
  },
  'db.busy': {
    what: 'The library file {path} is being used by another program and does not become free.',
    safe: nothingChanged,
    next: 'Close other windows of Lathe and programs that look into its data folder, then try again.',
  },
  'system.relativePath': {
    what: '"{path}" is not a whole path.',
    safe: nothingChanged,
    next: 'Write the path from its beginning, or from ~ for your own folder.',
  },
  'system.notAFolder': {
    what: '{path} is not a folder.',
    safe: nothingChanged,
    next: 'Choose a folder.',
  },
} as const satisfies Record<string, ErrorText>;
