import type { ErrorText } from './text.ts';

const nothingWritten = 'Nothing was installed, and no file was left behind.';

/** Errors of downloading a newer Lathe. */
export const updateErrors = {
  'update.badKey': {
    what: '{path} holds no public Ed25519 key.',
    safe: 'Nothing was downloaded.',
    next: 'Choose the key file of whoever signs the releases; it begins with BEGIN PUBLIC KEY.',
  },
  'update.unreachable': {
    what: '{address} cannot be read: {problem}.',
    safe: nothingWritten,
    next: 'Look whether the address is right and the computer is connected, then try again.',
  },
  'update.forged': {
    what: 'The release at {address} is not signed with the key that you gave.',
    safe: nothingWritten,
    next: 'Do not install what lies there. If the key has changed, get the new one from a place that you trust.',
  },
  'update.badRelease': {
    what: 'The release at {address} is signed, but is not a release that this version can read: {problem}.',
    safe: nothingWritten,
    next: 'Tell whoever signs the releases.',
  },
  'update.older': {
    what: 'The release at {address} is {found}, older than the {version} that runs.',
    safe: nothingWritten,
    next: 'Someone may be hiding newer releases from you. Look for them on the project’s page.',
  },
  'update.noPackage': {
    what: 'Lathe {version} has no package {name}.',
    safe: nothingWritten,
    next: 'Choose another kind of package.',
  },
  'update.damaged': {
    what: '{name} is not what the signed release says: {problem}.',
    safe: nothingWritten,
    next: 'Try again. If it stays so, tell whoever signs the releases.',
  },
} as const satisfies Record<string, ErrorText>;
