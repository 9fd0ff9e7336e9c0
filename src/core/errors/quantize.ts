import type { ErrorText } from './text.ts';

const nothingWritten = 'Nothing was written.';
const sourceKept = 'The original is as it was.';

/** Errors and warnings of quantizing a model. */
export const quantizeErrors = {
  'quantize.formatUnavailable': {
    what: '{target} cannot be written as {format}.',
    safe: nothingWritten,
    next: 'Choose another format, or a target that has this one.',
  },
  'quantize.needsFolder': {
    what: '{target} can only be made from a Hugging Face folder, not from a GGUF file.',
    safe: nothingWritten,
    next: 'Choose the original folder of the model, with config.json and .safetensors files.',
  },
  'quantize.needsImatrix': {
    what: '{type} is too coarse for {tensor} without an importance matrix ({count} such tensors in all).',
    safe: nothingWritten,
    next: 'Compute an importance matrix from a text, or choose a type with more bits.',
  },
  'quantize.unknownTarget': {
    what: 'There is no target {target}.',
    safe: nothingWritten,
    next: 'Choose one of {known}.',
  },
  'quantize.unknownType': {
    what: 'There is no tensor type {type} that could be written.',
    safe: nothingWritten,
    next: 'Use the name of a type such as Q8_0, Q6_K or F16.',
  },
  'quantize.badPattern': {
    what: 'The pattern {pattern} is not a valid regular expression.',
    safe: nothingWritten,
    next: 'Correct the pattern. A plain part of a name, such as attn_v, is one too.',
  },
  'quantize.overrideType': {
    what: '{type} is not possible for single tensors of {target}.',
    safe: nothingWritten,
    next: 'With this target, a tensor can be left as it is: use F16 in place of {type}.',
  },
  'quantize.noLinearLayers': {
    what: 'No layer of this model can be quantized to {target}.',
    safe: nothingWritten,
    next: 'Choose another target. The plan says which tensors are kept as they are.',
  },
  'quantize.turnedLayers': {
    what: '{target} is not defined for layers that store their weights turned, as those of {architecture} do.',
    safe: nothingWritten,
    next: 'Choose another target, such as int8 or nf4.',
  },
  'quantize.unsupportedCheckpoint': {
    what: 'Lathe cannot read weights in the format {format}.',
    safe: nothingWritten,
    next: 'Use a GPTQ checkpoint of version 1 or 2, a bitsandbytes folder, or the original model.',
  },
  'quantize.badPackedWeight': {
    what: 'The quantized weight {tensor} is not valid: {problem}.',
    safe: nothingWritten,
    next: 'Download the model again from the place it comes from.',
  },
  'quantize.notAModel': {
    what: '{file} is no model but of the type {type}.',
    safe: nothingWritten,
    next: 'Choose the GGUF file of a model.',
  },
  'quantize.alreadyQuantized': {
    what: 'These weights are {method} already.',
    safe: nothingWritten,
    next: 'Choose another target, or GGUF as the format.',
  },
  'quantize.imatrixInvalid': {
    what: '{file} is not a valid importance matrix: {problem}.',
    safe: nothingWritten,
    next: 'Make it again, from the same model.',
  },
  'quantize.imatrixMismatch': {
    what: 'The importance matrix has {found} values for {tensor}, which has {expected} inputs.',
    safe: nothingWritten,
    next: 'Use an importance matrix that was made from this model.',
  },
  'quantize.notFinite': {
    what: 'The tensor {tensor} contains values that are infinite or no numbers.',
    safe: sourceKept,
    next: 'The original is damaged, or overflowed when it was made. Get another copy of it.',
  },
  'quantize.badRows': {
    what: 'The rows of {tensor} are not valid {type} data.',
    safe: sourceKept,
    next: 'If this is the model you chose, it is damaged: get another copy. If it is the result, the memory of this computer may be faulty.',
  },
  'quantize.notExact': {
    what: 'The weights of {tensor} are not what its scales and zero points promised, so they cannot be repacked.',
    safe: sourceKept,
    next: 'Make sure that nothing writes to the model, and start again.',
  },
  'quantize.badHessian': {
    what: 'The calibration gave {found} numbers for {tensor}, which needs {expected}.',
    safe: sourceKept,
    next: 'Calibrate again with this model.',
  },
  // Warnings: what is done in place of what was asked for.
  'quantize.requantized': {
    what: '{count} tensors are quantized already ({from}); quantizing them again adds to their loss.',
    safe: sourceKept,
    next: 'For the best quality, start from the original model.',
  },
  'quantize.asymmetricNeedsV2': {
    what: 'Version 1 of the GPTQ format cannot store a zero point of 0, so version 2 is written.',
    safe: 'GPTQModel and vLLM read both.',
    next: 'For programs that know only version 1, choose symmetric quantization.',
  },
  'quantize.staticGroupsForGguf': {
    what: 'GGUF cannot store groups that act-order scatters over a row, so static groups are used.',
    safe: 'The result is still exact.',
    next: 'Write a Hugging Face folder for act-order without static groups.',
  },
  'quantize.symmetricForGguf': {
    what: 'GGUF has no asymmetric type of 8 bits, so the quantization is symmetric.',
    safe: 'The result is still exact.',
    next: 'Write a Hugging Face folder for asymmetric weights.',
  },
  'quantize.inexact': {
    what: '{count} tensors cannot be stored bit for bit in GGUF ({reason}), so they are quantized again to {type}.',
    safe: sourceKept,
    next: 'The quality card says what it costs.',
  },
  'quantize.keptUnpackable': {
    what: '{count} layers stay as they are, such as {tensor}: their inputs or outputs are not a multiple of {multiple}.',
    safe: sourceKept,
    next: 'Nothing needs to be done; the file is larger for it.',
  },
  'quantize.fallbackTypes': {
    what: 'The rows of {count} tensors, such as {tensor}, are not a multiple of 256, so finer types are used for them.',
    safe: 'Their quality is better for it.',
    next: 'Nothing needs to be done; the file is larger for it.',
  },
  'quantize.imatrixIncomplete': {
    what: 'The importance matrix says nothing of {count} tensors, such as {tensor}.',
    safe: 'They are quantized without it.',
    next: 'For the best quality, compute the importance matrix from a longer text.',
  },
  'quantize.codeLeftOut': {
    what: 'The model comes with programs of its own ({file}), which are not copied.',
    safe: 'No program is ever run from a model.',
    next: 'Copy them yourself if you trust them and need them.',
  },
  'quantize.noOutlierReport': {
    what: 'The model could not be run on the text, so it is not known which inputs reach the threshold of LLM.int8().',
    safe: 'The quantized weights do not depend on it.',
    next: 'The next message says why. With a text that the model can read, quantize it again.',
  },
  'quantize.roundedToNearest': {
    what: 'The calibration of {tensor} could not be used ({count} such tensors in all), so its weights are rounded to the nearest.',
    safe: 'The other tensors are not affected.',
    next: 'Calibrate on a longer text, or with more damping.',
  },
} as const satisfies Record<string, ErrorText>;
