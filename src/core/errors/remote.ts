import type { ErrorText } from './text.ts';

const KEPT = 'What you wrote is kept, and so is what came of the answer.';

/** Errors of remote engines: where they are, whether they may be asked, what they send. */
export const remoteErrors = {
  'remote.unknownEngine': {
    what: 'This remote engine is no longer there.',
    safe: 'Your conversations are kept.',
    next: 'Choose another model, or add the engine again.',
  },
  'remote.badAddress': {
    what: 'This is no address of an engine: {problem}.',
    safe: 'Nothing was saved or sent.',
    next: 'Write it like https://example.com/v1 or http://localhost:11434/v1.',
  },
  'remote.insecure': {
    what: '{host} lies beyond your own network, and plain http lets everybody on the way read your texts and the key.',
    safe: 'Nothing was saved or sent.',
    next: 'Use https. If you know what you are doing, allow it for this engine.',
  },
  'remote.nameTaken': {
    what: 'There is a remote engine named "{name}" already.',
    safe: 'Nothing was changed.',
    next: 'Choose another name.',
  },
  'remote.keyLocked': {
    what: 'The key of {name} cannot be opened here: it is in the keychain of the system.',
    safe: 'The key is where it was.',
    next: 'Use the desktop app that saved it, or give the key again.',
  },
  'remote.unreachable': {
    what: '{name} cannot be reached: {problem}.',
    safe: KEPT,
    next: 'Check that it runs, and its address.',
  },
  'remote.noAnswer': {
    what: '{name} said nothing within {limitMs}.',
    safe: KEPT,
    next: 'It may be busy or loading a model. Try again later.',
  },
  'remote.stalled': {
    what: '{name} stopped in the middle of its answer, and said nothing more for {limitMs}.',
    safe: KEPT,
    next: 'Answer again.',
  },
  'remote.cutOff': {
    what: 'The connection to {name} ended before its answer did.',
    safe: KEPT,
    next: 'Answer again. If it happens often, look into the log of the engine.',
  },
  'remote.unauthorized': {
    what: '{name} does not accept the key: {problem}.',
    safe: KEPT,
    next: 'Give the right key in the settings of this engine.',
  },
  'remote.refused': {
    what: '{name} refused the request with HTTP {status}: {problem}.',
    safe: KEPT,
    next: 'Change what it says, or choose another model of this engine.',
  },
  'remote.redirected': {
    what: '{name} sent the request on to {target}, and redirections are not followed.',
    safe: 'Neither your text nor the key went there.',
    next: 'If you trust that address, write it into the settings of this engine.',
  },
  'remote.garbage': {
    what: '{name} sent what is no answer of an OpenAI-compatible engine: {problem}.',
    safe: KEPT,
    next: 'Check the address: most end in /v1.',
  },
  'remote.tooMuch': {
    what: '{name} sent more than {limitBytes} at once.',
    safe: KEPT,
    next: 'No answer is that long. Use another engine.',
  },
  'remote.noContinuation': {
    what: 'A remote engine cannot go on with an answer that has ended.',
    safe: 'The answer is as it was.',
    next: 'Ask it to go on in a message, or answer again.',
  },
  'remote.noGrammar': {
    what: '{name} does not say that it understands grammars.',
    safe: 'Your message is kept.',
    next: 'Ask without a grammar, or choose llama-server as the kind of this engine if it is one.',
  },
} as const satisfies Record<string, ErrorText>;
