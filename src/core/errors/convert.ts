import type { ErrorText } from './text.ts';

const nothingWritten = 'The unfinished file was removed; nothing else was changed.';

/** Errors of writing a model's files, and of the disk below. */
export const convertErrors = {
  'convert.invalidJson': {
    what: '{file} is not valid JSON.',
    safe: 'Nothing was written.',
    next: 'Download this file again from the place the model comes from.',
  },
  'convert.overflow': {
    what: '{count} weights are too large for {target} and became infinite.',
    safe: 'The original is as it was.',
    next: 'Convert to BF16 or F32, which hold numbers of every size.',
  },
  'convert.nonFinite': {
    what: 'The original contains {count} values that are infinite or no numbers.',
    safe: 'They were carried over as they are.',
    next: 'Check the answers of the model. If they make no sense, the original is damaged.',
  },
  'convert.outputExists': {
    what: 'There already is a file at {path}.',
    safe: 'It was not touched.',
    next: 'Choose another name, or move the file away.',
  },
  'convert.verifyFailed': {
    what: 'What was written to {path} is not what was planned: {problem}.',
    safe: nothingWritten,
    next: 'Start again. If it happens twice, the disk or the memory of this computer may be faulty.',
  },
  'disk.full': {
    what: 'The disk is full: {path} could not be written.',
    safe: nothingWritten,
    next: 'Free some space, or choose another place, and start again.',
  },
  'disk.changed': {
    what: '{file} was changed while it was being read.',
    safe: 'Nothing unfinished was left behind.',
    next: 'Wait until nothing writes to the file any more, then start again.',
  },
  'disk.missing': {
    what: 'There is no file or folder at {path}.',
    safe: 'Nothing was changed.',
    next: 'Check the path. If the file lies on a drive that is not connected, connect it.',
  },
  'disk.notAllowed': {
    what: 'Lathe has no permission for {path}.',
    safe: 'Nothing was changed.',
    next: 'Change the permissions of the file or folder, or choose another place.',
  },
  'disk.failed': {
    what: 'The disk reported an error at {path} ({code}).',
    safe: 'The original files were only read.',
    next: 'Check the drive and its connection, then try again.',
  },
} as const satisfies Record<string, ErrorText>;
