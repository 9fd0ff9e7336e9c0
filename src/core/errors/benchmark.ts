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
} as const satisfies Record<string, ErrorText>;
