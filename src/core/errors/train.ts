import type { ErrorText } from './text.ts';

const nothingTrained = 'Nothing was trained, and nothing was written.';
const runKept = 'What the run has saved so far is kept.';

/** Errors and warnings of training. */
export const trainErrors = {
  'train.unsupportedArchitecture': {
    what: 'Models of the kind {architecture} cannot be trained: {reason}.',
    safe: nothingTrained,
    next: 'Choose a Llama, Mistral, SmolLM, Qwen 2 or 3, Gemma or Phi-3 model.',
  },
  'train.badModel': {
    what: '{file} cannot be trained on.',
    safe: nothingTrained,
    next: 'Verify the model in the library, and import it again if it is damaged.',
  },
  'train.noDevice': {
    what: 'The device {device} cannot be used.',
    safe: nothingTrained,
    next: 'Choose another device, or update the graphics driver.',
  },
  'train.outOfMemory': {
    what: 'There is not enough memory for this training.',
    safe: runKept,
    next: 'Shorten the samples, turn on gradient checkpointing, or let weights be streamed.',
  },
  'train.computeFailed': {
    what: 'The device gave up in the middle of a step (status {status}).',
    safe: runKept,
    next: 'Go on from the last checkpoint, or choose another device.',
  },
  'train.unsupportedOperation': {
    what: '{device} cannot do {operation}, which training needs.',
    safe: nothingTrained,
    next: 'Train on the processor, or update the graphics driver.',
  },
} as const satisfies Record<string, ErrorText>;
