import type { ErrorText } from './text.ts';

const nothingWritten = 'Nothing was written.';
const fetchAgain = 'Download the tokenizer files again from the place the model comes from.';
const useOriginal = 'Use the model in its original format, or get a GGUF file of it from another source.';

/** Errors of tokenizer files: what they say, and what of it can be said in a GGUF file. */
export const tokenizerErrors = {
  'tokenizer.missing': {
    what: 'The model has no tokenizer: neither tokenizer.json nor tokenizer.model is there.',
    safe: nothingWritten,
    next: 'Download these files into the model folder as well.',
  },
  'tokenizer.fileTooLarge': {
    what: '{file} takes {foundBytes}; a tokenizer file may take at most {limitBytes}.',
    safe: nothingWritten,
    next: 'Check that this is the right file.',
  },
  'tokenizer.invalidJson': {
    what: '{file} is not a JSON object.',
    safe: nothingWritten,
    next: fetchAgain,
  },
  'tokenizer.invalidField': {
    what: 'In {file}, {field} should be {expected}.',
    safe: nothingWritten,
    next: fetchAgain,
  },
  'tokenizer.invalidModel': {
    what: '{file} is not a SentencePiece model, or it is damaged (at byte {position}).',
    safe: nothingWritten,
    next: fetchAgain,
  },
  'tokenizer.unsupportedModel': {
    what: 'This tokenizer is of the kind {kind}, which cannot be written into a GGUF file of this model family.',
    safe: nothingWritten,
    next: useOriginal,
  },
  'tokenizer.unsupportedNormalizer': {
    what: 'This tokenizer changes the text before it reads it ({normalizer}), which llama.cpp cannot do. The model would misread its input.',
    safe: nothingWritten,
    next: useOriginal,
  },
  'tokenizer.tooManyTokens': {
    what: 'The vocabulary has {found} tokens; at most {limit} are possible.',
    safe: nothingWritten,
    next: 'Check that config.json and the tokenizer files belong to this model.',
  },
  'tokenizer.invalidId': {
    what: '{file} gives the token "{token}" the number {id}, which is not a whole number from 0 to {limit}.',
    safe: nothingWritten,
    next: fetchAgain,
  },
  'tokenizer.duplicateId': {
    what: '{file} gives the number {id} to two tokens: "{first}" and "{second}".',
    safe: nothingWritten,
    next: fetchAgain,
  },
  'tokenizer.idOutOfRange': {
    what: 'The token "{token}" has the number {id}, but the model knows only {rows} tokens.',
    safe: nothingWritten,
    next: 'Check that config.json and the tokenizer files belong to the same version of the model.',
  },
  'tokenizer.unknownMergePart': {
    what: 'Merge {index} of tokenizer.json needs the token "{part}", which the vocabulary does not have.',
    safe: nothingWritten,
    next: fetchAgain,
  },
  'tokenizer.unknownPreTokenizer': {
    what: 'Lathe does not know how this tokenizer splits text into words: {splitter}. With the wrong rule the model would misread its input without notice, so no rule is guessed.',
    safe: nothingWritten,
    next: 'Update Lathe, or get a GGUF file of the model from another source.',
  },
} as const satisfies Record<string, ErrorText>;
