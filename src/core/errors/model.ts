import type { ErrorText } from './text.ts';

/** Errors about what a model is: its configuration, its tensors, and whether Lathe knows its family. */
export const modelErrors = {
  'model.pickle': {
    what: 'The weights of this model are in a pickle file ({file}).',
    safe: 'The file was not opened: a pickle file can run any program when it is read.',
    next: 'Use a copy of the model with .safetensors files. Most models offer one, or a converter on the page where you found it.',
  },
  'model.noWeights': {
    what: 'There are no model weights in {path}.',
    safe: 'Nothing was added.',
    next: 'Choose a .gguf file, or a folder with config.json and .safetensors files.',
  },
  'model.noConfig': {
    what: '{file} has no config.json beside it, so its family is not known.',
    safe: 'Nothing was added.',
    next: 'Choose the whole model folder, with config.json and the tokenizer files in it.',
  },
  'model.unknownArchitecture': {
    what: 'Lathe does not know the model family {architecture}.',
    safe: 'Nothing was written.',
    next: 'Convert a model of one of these families: {supported}.',
  },
  'model.badConfig': {
    what: 'The setting {field} in config.json is {value}; it should be {expected}.',
    safe: 'Nothing was written.',
    next: 'Download config.json again from the place the model comes from.',
  },
  'model.unsupportedConfig': {
    what: 'This model has {field} = {value}, but llama.cpp runs this family only with {expected}. Its answers would be wrong.',
    safe: 'Nothing was written.',
    next: 'Use the model in its original format.',
  },
  'model.missingTensor': {
    what: 'The tensor {tensor} is missing ({count} missing in all).',
    safe: 'Nothing was written.',
    next: 'Check that all files of the model are there and complete, and download what is missing.',
  },
  'model.unexpectedTensor': {
    what: 'The tensor {tensor} does not belong to a {architecture} model ({count} such tensors in all).',
    safe: 'Nothing was written.',
    next: 'Check that config.json belongs to these weights.',
  },
  'model.duplicateTensor': {
    what: 'The tensor {tensor} is there twice.',
    safe: 'Nothing was written.',
    next: 'Remove weight files that do not belong to this model, for example left-overs of an older download.',
  },
  'model.wrongShape': {
    what: 'The tensor {tensor} has the shape {actual}, but config.json asks for {expected}.',
    safe: 'Nothing was written.',
    next: 'Check that config.json belongs to these weights.',
  },
  'model.unsupportedType': {
    what: 'The tensor {tensor} has the data type {dtype}, which cannot be converted.',
    safe: 'Nothing was written.',
    next: 'Use a copy of the model with F32, F16 or BF16 weights.',
  },
  'model.vocabularyMismatch': {
    what: 'The tokenizer has {tokens} tokens, but the model has {rows}.',
    safe: 'Nothing was written.',
    next: 'Check that the tokenizer files belong to this model.',
  },
  'model.folderExists': {
    what: 'There is already something at {path}.',
    safe: 'It was left as it is.',
    next: 'Choose another name.',
  },
  'model.slidingWindowIgnored': {
    what: 'This model looks back over {window} tokens at a time. llama.cpp lets this family see the whole context of {contextLength} tokens.',
    safe: 'Texts shorter than {window} tokens are not affected.',
    next: 'Keep conversations within {window} tokens for answers equal to the original.',
  },
  'model.ropeScalingIgnored': {
    what: 'The long-context method {method} of this model has no counterpart in the GGUF file.',
    safe: 'Short texts are not affected.',
    next: 'Expect worse answers near the end of a long context.',
  },
  'model.outputTied': {
    what: 'The model has no output matrix of its own, although config.json says so. The token embedding is used in its place.',
    safe: 'All tensors that are there are converted.',
    next: 'Check the answers of the converted model. If they make no sense, weights are missing from the original.',
  },
  'model.attentionScale': {
    what: 'This model scales attention by {value}; llama.cpp uses {expected} for this family and size.',
    safe: 'All tensors are converted.',
    next: 'Compare the answers with the original before you rely on them.',
  },
} as const satisfies Record<string, ErrorText>;
