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
  'train.tooLittleMemory': {
    what: 'This training needs at least {neededBytes} of memory, and {freeBytes} is free.',
    safe: runKept,
    next: 'Shorten the samples, turn on gradient checkpointing, let weights be streamed, or close other programs.',
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
  'train.badSetting': {
    what: 'The setting {setting} is {value}, but should be {expected}.',
    safe: nothingTrained,
    next: 'Correct it and start again.',
  },
  'train.unknownSetting': {
    what: 'There is no setting {setting}.',
    safe: nothingTrained,
    next: 'The nearest are {near}. lathe train --help names all.',
  },
  'train.unsupportedSetting': {
    what: 'The setting {setting} would change what is learned, and Lathe’s trainer does not have it.',
    safe: nothingTrained,
    next: 'Leave it out and start again.',
  },
  'train.unreadableData': {
    what: '{file} is no dataset that Lathe can read.',
    safe: nothingTrained,
    next: 'Choose a file that ends in .jsonl, .json, .csv, .parquet or .txt.',
  },
  'train.dataTooLarge': {
    what: 'The dataset is {sizeBytes}; the most that can be read is {limitBytes}.',
    safe: nothingTrained,
    next: 'Train on a part of it.',
  },
  'train.noSamples': {
    what: 'There is nothing to learn from in {file}: {problems} of its records cannot be used, and none is left.',
    safe: nothingTrained,
    next: 'Check the dataset: it tells line by line what is wrong, and columns of other names can be assigned there.',
  },
  'train.noTrainedTokens': {
    what: 'None of the {samples} samples holds a token that would be trained.',
    safe: nothingTrained,
    next: 'Choose whose words are trained (train_on_roles), or raise max_length where answers are cut off.',
  },
  'train.noTemplate': {
    what: 'The model has no chat template, and the dataset is conversations.',
    safe: nothingTrained,
    next: 'Choose a template (chat_template: chatml or alpaca), or a dataset of prompts and completions.',
  },
  'train.otherTokens': {
    what: 'The tokens of line {line} are not those of its text, so it cannot be told which of them are trained.',
    safe: nothingTrained,
    next: 'Train on all roles, or leave this sample out.',
  },
  'train.baseChanged': {
    what: '{name} is no longer the file that the run began with.',
    safe: runKept,
    next: 'Put the earlier file back, or begin a new run.',
  },
  'train.settingsChanged': {
    what: 'The checkpoint {file} belongs to a run with other settings.',
    safe: runKept,
    next: 'Begin a new run with these settings.',
  },
  'train.badCheckpoint': {
    what: 'The checkpoint {file} cannot be read: {problem}.',
    safe: 'Earlier checkpoints of the run are kept.',
    next: 'Remove this file: the run then goes on from the checkpoint before it.',
  },
  'train.unknownRun': {
    what: 'This training run is no longer there.',
    safe: 'Models and adapters in the library are not affected.',
    next: 'Begin a new run.',
  },
  'train.notRunning': {
    what: 'The run {name} is not at work in this window.',
    safe: runKept,
    next: 'Where it was started in another program, pause it there; else let it go on first.',
  },
  'train.isRunning': {
    what: 'The run {name} is still at work.',
    safe: runKept,
    next: 'Pause it, or wait for its end.',
  },
  'train.onlyPeft': {
    what: 'What {setting} trains has no place in a GGUF adapter, so the result is a PEFT folder alone.',
    safe: 'Nothing of it is lost.',
    next: 'Merge the adapter to chat with the result.',
  },
  'train.nothingToCompare': {
    what: '{name} has left nothing that can speak: no GGUF adapter, and no model.',
    safe: 'The run and what it made are unchanged.',
    next: 'Let the run end first; merge an adapter with DoRA or whole matrices, and chat with the merged model.',
  },
  'train.stepNotFinite': {
    what: 'The gradients were not finite {count} steps in a row, the last time at step {step}. The result is that of step {goodStep}.',
    safe: runKept,
    next: 'Take a lower learning rate ({learningRate}), and look at the samples of these steps.',
  },
  'train.spiked': {
    what: 'The loss jumped far above its usual height at step {step} and stayed there. The result is that of step {goodStep}.',
    safe: runKept,
    next: 'Take a lower learning rate ({learningRate}), clip the gradients, and look for odd samples.',
  },
  'train.diverged': {
    what: 'The loss rose again and stayed high until step {step}. The result is that of step {goodStep}.',
    safe: runKept,
    next: 'Take a lower learning rate ({learningRate}), or stop earlier.',
  },
  'train.lostEarly': {
    what: 'The training went wrong at step {step}, before there was a checkpoint to go back to.',
    safe: 'The settings and the data of the run are kept.',
    next: 'Take a lower learning rate ({learningRate}) and start again.',
  },
  'train.fullNeedsFloats': {
    what: 'All weights can be trained only of a model in floats, and {tensor} is {type}.',
    safe: nothingTrained,
    next: 'Train an adapter (use_peft), or choose the model in F32, F16 or BF16.',
  },
} as const satisfies Record<string, ErrorText>;
