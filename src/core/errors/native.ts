import type { ErrorText } from './text.ts';

const untouched = 'The file was only read; nothing was changed.';

/** Errors of the native addon: of loading it and the libraries of llama.cpp, and of measuring models with it. */
export const nativeErrors = {
  'native.addonMissing': {
    what: 'The native part of Lathe could not be loaded from {path}: {problem}.',
    safe: 'Your models and settings are not affected.',
    next: 'Install Lathe again. In a copy of the source code, run npm start, which builds it.',
  },
  'native.librariesMissing': {
    what: 'The libraries of llama.cpp could not be loaded from {path}.',
    safe: 'Your models and settings are not affected.',
    next: 'Install Lathe again. If it says the same of a graphics card, update the driver of the card.',
  },
  'native.versionMismatch': {
    what: 'The library of {library} has version {found}, but this Lathe was built for {expected}.',
    safe: 'Nothing was run with it.',
    next: 'Install Lathe again, so that its parts fit together.',
  },
  'native.otherVariant': {
    what: 'llama.cpp is already loaded from {loaded}, so it cannot be loaded from {requested} as well.',
    safe: 'What is loaded goes on working.',
    next: 'Restart Lathe to use the other one.',
  },
  'native.outOfMemory': {
    what: 'There is not enough free memory for this work.',
    safe: 'Nothing was changed.',
    next: 'Close other programs, or work with a smaller model.',
  },
  'evaluate.noTokenizer': {
    what: '{file} has no tokenizer, so no text can be given to it.',
    safe: untouched,
    next: 'Convert the model again with its tokenizer files beside it.',
  },
  'evaluate.notGenerative': {
    what: '{file} does not predict text from left to right, so its perplexity is not defined.',
    safe: untouched,
    next: 'Choose a model that generates text.',
  },
  'evaluate.contextLength': {
    what: 'A window of {contextLength} tokens is not possible with this model; it takes {least} to {limit}.',
    safe: untouched,
    next: 'Choose a length within these limits.',
  },
  'evaluate.textTooShort': {
    what: 'The text has {tokens} tokens, but one window needs {needed}.',
    safe: untouched,
    next: 'Take a longer text, or a shorter window.',
  },
  'evaluate.textTooLong': {
    what: 'The text takes {sizeBytes}; at most {limitBytes} can be measured at once.',
    safe: untouched,
    next: 'Take a part of the text.',
  },
  'evaluate.otherVocabulary': {
    what: '{variant} and {source} do not share a vocabulary, so their predictions cannot be compared.',
    safe: untouched,
    next: 'Compare a model with one that was made from it.',
  },
  'calibrate.inputLayout': {
    what: 'What goes into {tensor} lies in memory in a way that Lathe cannot read.',
    safe: untouched,
    next: 'Quantize this model without calibration, and report it with the name of its architecture.',
  },
  'quantize.badGroups': {
    what: 'The packed weights name a group of scales that is not there.',
    safe: untouched,
    next: 'The file is damaged, or was made by a faulty program. Get another copy.',
  },
  'evaluate.notFinite': {
    what: '{file} gives predictions that are not numbers.',
    safe: untouched,
    next: 'The file is probably damaged, or overflowed when it was converted to F16. Convert it again, to BF16 or F32.',
  },
  'evaluate.quantizedValues': {
    what: 'llama.cpp keeps values in {type} only with flash attention, which is off.',
    safe: untouched,
    next: 'Set flash attention to on or auto, or keep values in F16.',
  },
  'evaluate.decodeFailed': {
    what: 'llama.cpp stopped computing with status {status}.',
    safe: untouched,
    next: 'Close other programs that use much memory, and try again. The log says more.',
  },
} as const satisfies Record<string, ErrorText>;
