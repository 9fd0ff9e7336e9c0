import type { ErrorText } from './text.ts';

const restarts = 'The app, the library and the saved answers are not affected.';

/** Errors of the engine processes, and of loading and running a model in one. */
export const engineErrors = {
  'engine.crashed': {
    what: 'The {engine} engine stopped unexpectedly ({reason}).',
    safe: restarts,
    next: 'Try again: the engine is started anew. If it stops again with the same model, the file may be damaged or memory too small.',
  },
  'engine.hung': {
    what: 'The {engine} engine did not answer for {waitedMs} and was stopped.',
    safe: restarts,
    next: 'Try again: the engine is started anew.',
  },
  'engine.unstable': {
    what: 'The {engine} engine stopped {crashes} times within a minute, so it is not started again at once.',
    safe: restarts,
    next: 'Wait {retryMs}, then try with another model or a smaller context. The log says more.',
  },
  'engine.startFailed': {
    what: 'The {engine} engine could not be started: {problem}.',
    safe: restarts,
    next: 'Install Lathe again if this goes on; a part of it may be missing.',
  },
  'engine.startTimeout': {
    what: 'The {engine} engine was not ready after {limitMs}.',
    safe: restarts,
    next: 'Close other programs that keep the computer busy, and try again.',
  },
  'engine.stopped': {
    what: 'The {engine} engine was stopped.',
    safe: restarts,
    next: 'Start the work again when you like.',
  },
  'engine.loadFailed': {
    what: 'llama.cpp could not load {file}: {problem}.',
    safe: 'The file was only read; nothing was changed.',
    next: 'Check that the model is complete and of a family that llama.cpp supports. The log says more.',
  },
  'engine.insufficientMemory': {
    what: 'There is not enough free memory for {file}.',
    safe: 'Nothing was changed.',
    next: 'Choose a shorter context or a smaller quantization, or close other programs.',
  },
  'engine.contextTooLong': {
    what: 'There is not enough free memory for a context of {contextLength} tokens.',
    safe: 'Nothing was changed.',
    next: 'Choose a shorter context.',
  },
  'engine.noModel': {
    what: 'No model is loaded.',
    safe: 'Nothing was lost.',
    next: 'Load a model, then try again.',
  },
  'engine.busy': {
    what: 'The engine is still answering another request.',
    safe: 'The running answer goes on.',
    next: 'Wait until it has ended, or stop it.',
  },
  'chat.noTemplate': {
    what: 'This model has no chat template, so it cannot tell your words from its own.',
    safe: 'Nothing was lost.',
    next: 'Let the model continue your text instead, or use a model that was tuned for chat.',
  },
  'chat.templateFailed': {
    what: 'The chat template of this model could not be applied: {problem}.',
    safe: 'Your message is kept.',
    next: 'Try without a system prompt, or let the model continue your text instead.',
  },
  'chat.promptTooLong': {
    what: 'The text takes {promptTokens} tokens, but the context holds {contextLength}.',
    safe: 'Your message is kept.',
    next: 'Load the model with a longer context, or shorten the text.',
  },
  'tokenizer.unsupportedText': {
    what: 'The vocabulary of this model has no token for the character {character}.',
    safe: 'Your text is kept, and the model stays loaded.',
    next: 'Leave this character out, or use a model with a larger vocabulary.',
  },
  'chat.emptyPrompt': {
    what: 'There is nothing for the model to go on from.',
    safe: 'Nothing was lost.',
    next: 'Write at least one character.',
  },
} as const satisfies Record<string, ErrorText>;
