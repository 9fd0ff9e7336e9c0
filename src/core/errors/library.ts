import type { ErrorText } from './text.ts';

const nothingChanged = 'Nothing was changed.';

/** Errors of the library: finding, adding, and removing models. */
export const libraryErrors = {
  'library.unknownModel': {
    what: 'This model is no longer in the library.',
    safe: 'Its files were not touched.',
    next: 'Add it again from where its files are.',
  },
  'library.notFound': {
    what: 'There is no model "{reference}" in the library, nor at such a path.',
    safe: nothingChanged,
    next: 'Add a model first, or check the name.',
  },
  'library.notFoundNear': {
    what: 'There is no model "{reference}" in the library, nor at such a path.',
    safe: nothingChanged,
    next: 'Names that are there: {near}.',
  },
  'library.ambiguous': {
    what: '"{reference}" means several models.',
    safe: nothingChanged,
    next: 'Name one of them by its id: {candidates}.',
  },
  'library.severalModels': {
    what: 'There are several models in {path}.',
    safe: nothingChanged,
    next: 'Name one of them: {names}.',
  },
  'library.fileMissing': {
    what: 'The file {path} is not there any more.',
    safe: 'The entry with its notes and tags is kept.',
    next: 'If the file was moved, tell Lathe where it is now. If it lies on a drive that is not connected, connect it.',
  },
  'library.danglingLink': {
    what: '{path} is a link to {target}, which does not exist.',
    safe: 'Everything else in the folder was looked at.',
    next: 'Remove the link, or bring back what it points to.',
  },
  'library.tooManyFolders': {
    what: 'There are more than {limit} folders in {path}.',
    safe: 'The models that were found before are added.',
    next: 'Choose a folder further down.',
  },
  'library.tooManyFiles': {
    what: 'The folder {path} holds more than {limit} files.',
    safe: nothingChanged,
    next: 'Choose the model file itself.',
  },
  'library.fileTooLarge': {
    what: '{file} takes {foundBytes}; such a file may take at most {limitBytes}.',
    safe: 'The file was only read; nothing was changed.',
    next: 'Check that this is the right file.',
  },
  'library.notRegularFile': {
    what: '{path} is not a file with contents.',
    safe: nothingChanged,
    next: 'Choose a .gguf file, or a folder with config.json and .safetensors files.',
  },
  'library.otherContent': {
    what: 'What lies at {path} is not the model "{name}".',
    safe: 'The entry is as it was.',
    next: 'Choose the place where this model lies now, or add the other one as a model of its own.',
  },
  'library.alreadyListed': {
    what: 'What lies at {path} is in the library already, as "{name}".',
    safe: 'Both entries are as they were.',
    next: 'Use that entry, and remove this one.',
  },
  'library.fileChanged': {
    what: '{file} was changed while it was being read.',
    safe: 'Nothing was written.',
    next: 'Wait until nothing writes to the model any more, then try again.',
  },
  'library.inUse': {
    what: '"{name}" is used by a job that is not finished.',
    safe: nothingChanged,
    next: 'Wait until the job has ended, or cancel it.',
  },
  'library.copyMismatch': {
    what: 'The copy of {file} has {foundBytes} in place of {expectedBytes}.',
    safe: 'The unfinished copy was removed; the original is as it was.',
    next: 'Wait until nothing writes to the original any more, then try again.',
  },
} as const satisfies Record<string, ErrorText>;
