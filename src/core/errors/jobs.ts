import type { ErrorText } from './text.ts';

const notStarted = 'Nothing was started.';

/** Errors of the job queue, and of what a job is asked to do. */
export const jobErrors = {
  'jobs.unknown': {
    what: 'This job is no longer in the list.',
    safe: 'What it made is kept.',
    next: 'Start it again if you still need it.',
  },
  'jobs.wrongState': {
    what: 'This cannot be done with a job that is {state}.',
    safe: 'The job is as it was.',
    next: 'Look at the list of jobs again.',
  },
  'jobs.needsGguf': {
    what: '"{name}" is not a GGUF file, so its perplexity cannot be measured as it is.',
    safe: notStarted,
    next: 'Convert it to GGUF first, then measure the result.',
  },
  'jobs.outputName': {
    what: 'The name of the result must end in {ending}: {path}.',
    safe: notStarted,
    next: 'Add the ending to the name.',
  },
  'jobs.needsModel': {
    what: '"{name}" is an adapter, which changes a model and is none by itself.',
    safe: notStarted,
    next: 'Choose the model that it was trained for, or merge the two first.',
  },
  'jobs.needsAdapter': {
    what: '"{name}" is a model, not an adapter.',
    safe: notStarted,
    next: 'Choose a LoRA adapter: a folder with adapter_config.json, or a GGUF adapter.',
  },
  'jobs.outputNotEmpty': {
    what: 'The folder {path} is not empty.',
    safe: notStarted,
    next: 'Choose a new folder or an empty one.',
  },
  'jobs.outputTaken': {
    what: 'Another job is going to write {path}.',
    safe: notStarted,
    next: 'Choose another name, or cancel that job.',
  },
  'disk.tooSmall': {
    what: 'About {needBytes} are needed at {path}, but only {freeBytes} are free.',
    safe: notStarted,
    next: 'Free some space, or choose another place.',
  },
} as const satisfies Record<string, ErrorText>;
