import type { ErrorText } from './text.ts';

const nothingWritten = 'Nothing was written.';
const downloadAgain = 'Download the adapter again from the place it comes from.';

/** Errors and warnings of reading, combining, merging and extracting LoRA adapters. */
export const adapterErrors = {
  'adapters.notLora': {
    what: 'This is a {type} adapter; only LoRA adapters can be read.',
    safe: nothingWritten,
    next: 'Choose a LoRA adapter, or turn this one into a LoRA adapter with the tool that made it.',
  },
  'adapters.badField': {
    what: '{field} of the adapter is {value}, but should be {expected}.',
    safe: nothingWritten,
    next: downloadAgain,
  },
  'adapters.unknownField': {
    what: 'The adapter sets {field} to {value}. Lathe does not know this setting, and it may change the numbers.',
    safe: nothingWritten,
    next: 'Merge this adapter with the version of PEFT that made it.',
  },
  'adapters.unsupportedField': {
    what: 'The adapter sets {field} to {value}, which cannot be expressed as a change of the weights.',
    safe: nothingWritten,
    next: 'Use this adapter with the tool that made it.',
  },
  'adapters.changedBase': {
    what: 'The adapter was started with {method}, which changed the weights of its base: it only fits that changed model.',
    safe: nothingWritten,
    next: 'Ask for the adapter converted to plain LoRA (PEFT: path_initial_model_for_weight_conversion).',
  },
  'adapters.badPattern': {
    what: 'The pattern {pattern} in {field} cannot be read, or takes too long on names of the adapter.',
    safe: nothingWritten,
    next: 'Write the pattern with names, dots, stars, groups and classes only.',
  },
  'adapters.unknownTensor': {
    what: 'The adapter holds a tensor {tensor}, and Lathe does not know what it does.',
    safe: nothingWritten,
    next: 'Merge this adapter with the version of PEFT that made it.',
  },
  'adapters.missingHalf': {
    what: 'The adapter has {tensor}, but not {missing}, which belongs to it.',
    safe: nothingWritten,
    next: downloadAgain,
  },
  'adapters.shapeMismatch': {
    what: '{tensor} is {shape}, which does not go together with {other}, which is {otherShape}.',
    safe: nothingWritten,
    next: downloadAgain,
  },
  'adapters.rankMismatch': {
    what: '{tensor} is {shape}, but the configuration says rank {rank}.',
    safe: nothingWritten,
    next: 'The configuration belongs to another adapter. Download both files again.',
  },
  'adapters.badType': {
    what: '{tensor} is stored as {dtype}, which is no type for the weights of an adapter.',
    safe: nothingWritten,
    next: downloadAgain,
  },
  'adapters.zeroAlpha': {
    what: 'Alpha is 0: the adapter would have no effect in one program, and full effect in another.',
    safe: nothingWritten,
    next: 'Ask its author for the right alpha, and write it into the configuration.',
  },
  'adapters.empty': {
    what: 'The adapter {file} changes nothing: it holds no weights.',
    safe: nothingWritten,
    next: downloadAgain,
  },
  'adapters.notFinite': {
    what: '{tensor} of the adapter holds values that are infinite or no numbers.',
    safe: nothingWritten,
    next: 'The training of this adapter went wrong. Use an earlier checkpoint.',
  },
  'adapters.otherArchitecture': {
    what: 'The adapter is for {adapter} models, and this is a {base} model.',
    safe: nothingWritten,
    next: 'Choose the model that the adapter was trained on.',
  },
  'adapters.noSuchWeight': {
    what: 'The adapter changes {tensor} ({count} such weights in all), which this model does not have.',
    safe: nothingWritten,
    next: 'Choose the model that the adapter was trained on.',
  },
  'adapters.baseMismatch': {
    what: 'The adapter is made for {tensor} of shape {shape}, and in this model it is {baseShape}.',
    safe: nothingWritten,
    next: 'Choose the model that the adapter was trained on.',
  },
  'adapters.otherVocabulary': {
    what: 'The adapter was trained with {rows} tokens, and this model has {baseRows}.',
    safe: nothingWritten,
    next: 'Choose the model that the adapter was trained on, with the tokens that were added for the training.',
  },
  'adapters.tiedHead': {
    what: 'The adapter changes the output matrix {tensor}, but in this model it is one and the same with the token embedding.',
    safe: nothingWritten,
    next: 'Choose a base that stores both matrices, or an adapter without the output matrix.',
  },
  'adapters.noBias': {
    what: 'The adapter changes the bias of {tensor}, and in this model it has none.',
    safe: nothingWritten,
    next: 'Choose the model that the adapter was trained on.',
  },
  'adapters.otherBase': {
    what: 'The adapter says that it was trained on {recorded}, and this model is called {base}.',
    safe: 'Names and shapes of all weights fit.',
    next: 'If the two are not the same model, the answers will be worse than without the adapter.',
  },
  'adapters.noEffect': {
    what: 'The adapter leaves {count} of its weights as they are: {tensor}, for one.',
    safe: 'The others are not affected.',
    next: 'If it should have an effect there, its training did not reach these layers.',
  },
  'adapters.replacedWhole': {
    what: 'The adapter replaces {tensor} as a whole ({count} such tensors in all), so the share {weight} does not apply there.',
    safe: 'Everything else is merged by that share.',
    next: 'Use the share 1 for exactly what was trained, or 0 to leave the adapter out.',
  },
  'adapters.notInGguf': {
    what: 'A GGUF adapter cannot hold {what} ({tensor}, {count} in all).',
    safe: nothingWritten,
    next: 'Keep the adapter as a PEFT folder, or merge it into the model.',
  },
  'adapters.notCombined': {
    what: '{adapter} has {what} ({tensor}), which cannot be combined with another adapter.',
    safe: nothingWritten,
    next: 'Merge the adapters into the model one after another instead.',
  },
  'adapters.badOption': {
    what: '{option} is {value}, but should be {expected}.',
    safe: nothingWritten,
    next: 'Correct it and start again.',
  },
  'adapters.cannotUntie': {
    what: 'The adapter changes the token embedding alone, and {architecture} models in GGUF have one matrix for tokens and output.',
    safe: nothingWritten,
    next: 'Merge into a Hugging Face folder instead.',
  },
  'adapters.packedFolder': {
    what: 'The base is quantized ({method}), and merged weights cannot be stored in it as they are.',
    safe: nothingWritten,
    next: 'Choose a target to quantize the merged weights to, or a float target.',
  },
  'adapters.otherModel': {
    what: 'The two models are not versions of one: {tensor} is {shape} in one and {otherShape} in the other.',
    safe: nothingWritten,
    next: 'Choose a fine-tuned model and the base that it was made from.',
  },
  'adapters.leftOut': {
    what: '{count} tensors differ that a GGUF adapter has no place for: {tensor}, for one. They were left out.',
    safe: 'All other differences are in the adapter.',
    next: 'Extract a PEFT adapter to have these as well.',
  },
  'adapters.noDifference': {
    what: 'The two models are the same: there is nothing to extract.',
    safe: nothingWritten,
    next: 'Choose a fine-tuned model and the base that it was made from.',
  },
} as const satisfies Record<string, ErrorText>;
