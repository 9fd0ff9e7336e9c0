import type { ErrorText } from './text.ts';

const untouched = 'The file was only read; nothing was changed.';
const nothingWritten = 'Nothing was written.';
const fetchAgain = 'Fetch the file again from where it came, and compare its size or checksum there.';
const damaged = 'The file is damaged or was made to do harm. Fetch it again from a source you trust.';
const writerFault = 'The program that wrote the file made an error. Get the file from another source, or convert the original again.';

/** Errors of weight files: what a safetensors or GGUF file says about itself, held against its bytes. */
export const formatErrors = {
  'format.lfsPointer': {
    what: '{file} is not the model but a Git LFS pointer to it: a short text that stands in its place.',
    safe: untouched,
    next: 'Run "git lfs pull" in the folder that was cloned, or download the file itself.',
  },

  'safetensors.truncated': {
    what: '{file} ends {missingBytes} early: the download is incomplete.',
    safe: untouched,
    next: fetchAgain,
  },
  'safetensors.headerTruncated': {
    what: '{file} ends inside its header; at least {missingBytes} are missing. The download is incomplete, or this is not a safetensors file.',
    safe: untouched,
    next: fetchAgain,
  },
  'safetensors.headerTooLarge': {
    what: '{file} claims a header of {headerBytes}; at most {limitBytes} are allowed. It is probably not a safetensors file.',
    safe: untouched,
    next: 'Check that this is the right file. A file ending in .bin or .pt is in another format, which can run code and is not opened here.',
  },
  'safetensors.headerNotText': {
    what: 'The header of {file} is not UTF-8 text.',
    safe: untouched,
    next: damaged,
  },
  'safetensors.invalidHeader': {
    what: 'The header of {file} is not what a safetensors header must be (at character {position}).',
    safe: untouched,
    next: damaged,
  },
  'safetensors.duplicateKey': {
    what: '{file} names "{key}" twice.',
    safe: untouched,
    next: damaged,
  },
  'safetensors.integerTooLarge': {
    what: '{file} contains the number {digits}, larger than any size can be.',
    safe: untouched,
    next: damaged,
  },
  'safetensors.tooManyTensors': {
    what: '{file} lists more than {limit} tensors.',
    safe: untouched,
    next: damaged,
  },
  'safetensors.invalidName': {
    what: '{file} has a tensor whose name is empty, longer than {limit} characters, or not plain text: "{tensor}".',
    safe: untouched,
    next: damaged,
  },
  'safetensors.incompleteTensor': {
    what: '{file} does not give the "{field}" of the tensor "{tensor}".',
    safe: untouched,
    next: damaged,
  },
  'safetensors.unknownDtype': {
    what: '{file} stores the tensor "{tensor}" as {dtype}, a data type that Lathe does not know.',
    safe: untouched,
    next: 'Update Lathe, or get the model in another data type.',
  },
  'safetensors.invalidShape': {
    what: '{file} gives the tensor "{tensor}" the impossible shape [{shape}].',
    safe: untouched,
    next: damaged,
  },
  'safetensors.tooManyDimensions': {
    what: 'The tensor "{tensor}" of {file} has more than {limit} dimensions.',
    safe: untouched,
    next: damaged,
  },
  'safetensors.notWholeBytes': {
    what: 'The tensor "{tensor}" of {file} has {elements} elements of {dtype}, which do not fill whole bytes.',
    safe: untouched,
    next: writerFault,
  },
  'safetensors.invalidOffsets': {
    what: '{file} says that the tensor "{tensor}" ends before it begins.',
    safe: untouched,
    next: damaged,
  },
  'safetensors.sizeMismatch': {
    what: '{file} gives the tensor "{tensor}" {foundBytes}, but its shape needs {expectedBytes}.',
    safe: untouched,
    next: damaged,
  },
  'safetensors.overlap': {
    what: 'The tensor "{tensor}" of {file} lies over another one.',
    safe: untouched,
    next: damaged,
  },
  'safetensors.gap': {
    what: '{file} has {gapBytes} before the tensor "{tensor}" that belong to no tensor.',
    safe: untouched,
    next: writerFault,
  },
  'safetensors.trailingBytes': {
    what: '{file} goes on for {trailingBytes} after its last tensor.',
    safe: untouched,
    next: damaged,
  },
  'safetensors.invalidIndex': {
    what: '{file} is not a valid list of model parts (at character {position}).',
    safe: untouched,
    next: fetchAgain,
  },
  'safetensors.invalidShardName': {
    what: '{file} points to "{shard}", which is not the name of a safetensors file in the same folder.',
    safe: untouched,
    next: damaged,
  },
  'safetensors.missingShards': {
    what: '{file} needs "{shard}", which is not there; {missing} of {count} parts are missing.',
    safe: untouched,
    next: 'Download the missing parts into the same folder.',
  },
  'safetensors.shardTensorMissing': {
    what: '{file} says that the tensor "{tensor}" is in {shard}, but it is not.',
    safe: untouched,
    next: 'The parts are from different versions of the model. Download all of them again, with their index.',
  },
  'safetensors.shardTensorUnlisted': {
    what: '{shard} holds the tensor "{tensor}", which {file} does not place there.',
    safe: untouched,
    next: 'The parts are from different versions of the model. Download all of them again, with their index.',
  },

  'gguf.badMagic': {
    what: '{file} is not a GGUF file: it begins with "{found}" in place of "GGUF".',
    safe: untouched,
    next: 'Check that this is the right file. Older GGML formats must be converted from the original model.',
  },
  'gguf.bigEndian': {
    what: '{file} was written for big-endian machines.',
    safe: untouched,
    next: 'Get the little-endian version of the model, or convert it from the original.',
  },
  'gguf.unsupportedVersion': {
    what: '{file} is GGUF version {version}; Lathe reads versions 2 and 3.',
    safe: untouched,
    next: 'Get the model in GGUF version 3, or update Lathe.',
  },
  'gguf.truncated': {
    what: '{file} ends {missingBytes} early: the download is incomplete.',
    safe: untouched,
    next: fetchAgain,
  },
  'gguf.headerTruncated': {
    what: '{file} ends inside its header; at least {missingBytes} are missing. The download is incomplete or the file is damaged.',
    safe: untouched,
    next: fetchAgain,
  },
  'gguf.headerTooLarge': {
    what: 'The header of {file} is larger than {limitBytes}.',
    safe: untouched,
    next: damaged,
  },
  'gguf.tooManyKeys': {
    what: '{file} claims {found} entries of metadata; at most {limit} are allowed.',
    safe: untouched,
    next: damaged,
  },
  'gguf.tooManyTensors': {
    what: '{file} claims {found} tensors; at most {limit} are allowed.',
    safe: untouched,
    next: damaged,
  },
  'gguf.tooManyStrings': {
    what: '{file} lists more than {limit} strings in its metadata.',
    safe: untouched,
    next: damaged,
  },
  'gguf.stringTooLong': {
    what: '{file} has a string of {foundBytes} in its metadata; at most {limitBytes} are allowed.',
    safe: untouched,
    next: damaged,
  },
  'gguf.invalidKey': {
    what: '{file} has metadata under a name that is empty, too long or contains a zero byte: "{key}".',
    safe: untouched,
    next: damaged,
  },
  'gguf.duplicateKey': {
    what: '{file} gives the metadata "{key}" twice.',
    safe: untouched,
    next: damaged,
  },
  'gguf.unknownValueType': {
    what: 'The metadata "{key}" of {file} has the unknown value type {found}.',
    safe: untouched,
    next: damaged,
  },
  'gguf.nestedArray': {
    what: 'The metadata "{key}" of {file} is a list of lists, which GGUF readers do not take.',
    safe: untouched,
    next: writerFault,
  },
  'gguf.wrongValueType': {
    what: 'The metadata "{key}" of {file} is of type {found} in place of {expected}.',
    safe: untouched,
    next: writerFault,
  },
  'gguf.numberTooLarge': {
    what: 'The metadata "{key}" of {file} is {found}, too large to be counted exactly.',
    safe: untouched,
    next: damaged,
  },
  'gguf.invalidAlignment': {
    what: '{file} asks for an alignment of {found}, which is not a power of two.',
    safe: untouched,
    next: damaged,
  },
  'gguf.invalidTensorName': {
    what: '{file} has a tensor whose name is empty, longer than {limit} bytes or contains a zero byte: "{tensor}".',
    safe: untouched,
    next: writerFault,
  },
  'gguf.duplicateTensor': {
    what: '{file} has two tensors with the name "{tensor}".',
    safe: untouched,
    next: damaged,
  },
  'gguf.tooManyDimensions': {
    what: 'The tensor "{tensor}" of {file} has {found} dimensions; at most {limit} are allowed.',
    safe: untouched,
    next: damaged,
  },
  'gguf.invalidShape': {
    what: 'The tensor "{tensor}" of {file} has the impossible shape [{dimensions}].',
    safe: untouched,
    next: damaged,
  },
  'gguf.unknownTensorType': {
    what: 'The tensor "{tensor}" of {file} has the type number {found}, which Lathe does not know.',
    safe: untouched,
    next: 'Update Lathe, or get the model in another quantization.',
  },
  'gguf.removedTensorType': {
    what: 'The tensor "{tensor}" of {file} has the type number {found}, which llama.cpp no longer supports.',
    safe: untouched,
    next: 'Get a newer file of the model, or convert it from the original.',
  },
  'gguf.partialBlock': {
    what: 'The rows of the tensor "{tensor}" of {file} have {rowLength} elements, not a multiple of the {blockSize} that one block of {type} holds.',
    safe: untouched,
    next: 'Choose a type with smaller blocks for this tensor.',
  },
  'gguf.invalidOffset': {
    what: 'The tensor "{tensor}" of {file} begins at byte {found} of the data in place of {expected}.',
    safe: untouched,
    next: damaged,
  },
  'gguf.valueOutOfRange': {
    what: 'The value {value} does not fit the GGUF type {type}.',
    safe: nothingWritten,
    next: "The model's configuration holds an unusual number. Check its config.json.",
  },
  'gguf.tooManyParts': {
    what: 'The model would be split into {found} parts; at most {limit} are possible.',
    safe: nothingWritten,
    next: 'Allow larger parts.',
  },
  'gguf.invalidPart': {
    what: '{file} is not part {expected} of this model: it calls itself part {found}.',
    safe: untouched,
    next: 'Put all parts of one download into the same folder, with the names they had.',
  },
  'gguf.missingParts': {
    what: '{file} is one of {expected} parts, but {found} are there.',
    safe: untouched,
    next: 'Download the missing parts into the same folder.',
  },
  'gguf.partTensorCount': {
    what: 'The parts of {file} hold {found} tensors in place of {expected}.',
    safe: untouched,
    next: 'The parts are from different versions of the model. Download all of them again.',
  },
} as const satisfies Record<string, ErrorText>;
