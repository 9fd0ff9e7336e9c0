import type { ErrorText } from './text.ts';

const nothingRun = 'Nothing was measured.';

/** What keeps a benchmark from being planned. */
export const benchmarkErrors = {
  'benchmark.badSweep': {
    what: '{sweep} cannot be read as values to be tried: {expected}.',
    safe: nothingRun,
    next: 'Write it as context=512,2048.',
  },
  'benchmark.tooManyCells': {
    what: 'That would be {cells} measurements; a run has at most {limit}.',
    safe: nothingRun,
    next: 'Try fewer values at once, or fewer models.',
  },
  'benchmark.badLine': {
    what: 'Line {line} of the questions cannot be read: {reason}.',
    safe: nothingRun,
    next: 'Each line is one JSON object with text and answer, or with question, choices and answer.',
  },
  'benchmark.noQuestions': {
    what: 'The file has no questions.',
    safe: nothingRun,
    next: 'Choose a file of JSON Lines with one question a line.',
  },
  'benchmark.nothing': {
    what: 'Nothing is chosen that could be measured.',
    safe: nothingRun,
    next: 'Choose speed, quality, questions or prompts. Of an endpoint only speed and prompts can be measured.',
  },
  'benchmark.needsGguf': {
    what: '"{name}" is not a GGUF file, so its speed cannot be measured as it is.',
    safe: 'The other measurements go on.',
    next: 'Convert it to GGUF first, then measure the result.',
  },
  'benchmark.unknownRun': {
    what: 'This benchmark is no longer there.',
    safe: nothingRun,
    next: 'Look at the list of benchmarks again.',
  },
  'benchmark.isRunning': {
    what: 'The benchmark "{name}" is being measured.',
    safe: 'It goes on.',
    next: 'Cancel it first, or wait until it has ended.',
  },
  'benchmark.cannotResume': {
    what: 'The benchmark "{name}" was measured on another computer.',
    safe: 'It is as it was.',
    next: 'Start a new benchmark of the same models here.',
  },
  'benchmark.badFile': {
    what: '{path} is not a benchmark that Lathe has written: {reason}.',
    safe: 'Nothing was imported.',
    next: 'Choose a JSON file that was exported from the Benchmark screen.',
  },
} as const satisfies Record<string, ErrorText>;
