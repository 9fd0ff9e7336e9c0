import { AppError } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';

/**
 * Sets of questions with known answers, as JSON Lines: one object a line, empty lines between them are skipped.
 *
 * - Cloze: `{"text": "The capital of France is", "answer": " Paris"}`. What is asked is how likely the answer is after the text.
 * - Multiple choice: `{"question": "2 + 2 =", "choices": [" 3", " 4"], "answer": 1}`. The likeliest choice by its mean log-likelihood
 *   counts; `answer` is the place of the right one, from 0.
 *
 * An `id`, a string, may name a line. Other fields are a mistake: a misspelt one would change what is measured.
 */
export type Question =
  | { readonly kind: 'cloze'; readonly id: string; readonly text: string; readonly answer: string }
  | {
      readonly kind: 'choice';
      readonly id: string;
      readonly question: string;
      readonly choices: readonly string[];
      readonly answer: number;
    };

/** More choices than any published set has; each costs a pass over the question. */
const MOST_CHOICES = 64;

/** @throws benchmark.badLine with the line's number and the reason; benchmark.noQuestions */
export function readQuestions(text: string): readonly Question[] {
  const questions: Question[] = [];
  // A byte order mark is no part of the first line's JSON.
  for (const [place, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries())
    if (line.trim() !== '') questions.push(readQuestion(line, place + 1));
  if (questions.length === 0) throw new AppError('benchmark.noQuestions', {});
  return questions;
}

function readQuestion(line: string, number: number): Question {
  const fail = (reason: string): AppError => new AppError('benchmark.badLine', { line: number, reason: excerpt(reason) });
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw fail(error instanceof Error ? error.message : 'no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw fail('it is no object');
  const fields = new Map(Object.entries(value));
  const take = (name: string): string => {
    const found = fields.get(name);
    if (typeof found !== 'string' || found === '') throw fail(`"${name}" is not a text that is not empty`);
    return found;
  };
  const only = (...names: readonly string[]): void => {
    const other = [...fields.keys()].find((name) => name !== 'id' && !names.includes(name));
    if (other !== undefined) throw fail(`"${other.slice(0, 40)}" is no field of it`);
  };
  const id = fields.has('id') ? take('id') : String(number);
  if (fields.has('text')) {
    only('text', 'answer');
    return { kind: 'cloze', id, text: take('text'), answer: take('answer') };
  }
  if (!fields.has('question')) throw fail('it has neither "text" nor "question"');
  only('question', 'choices', 'answer');
  const [choices, answer]: unknown[] = [fields.get('choices'), fields.get('answer')];
  const isText = (choice: unknown): choice is string => typeof choice === 'string' && choice !== '';
  if (!Array.isArray(choices) || choices.length < 2 || choices.length > MOST_CHOICES || !choices.every(isText))
    throw fail(`"choices" is not a list of 2 to ${MOST_CHOICES} texts`);
  if (new Set(choices).size !== choices.length) throw fail('two of "choices" are the same');
  if (typeof answer !== 'number' || !Number.isInteger(answer) || answer < 0 || answer >= choices.length)
    throw fail(`"answer" is not a whole number from 0 to ${choices.length - 1}`);
  return { kind: 'choice', id, question: take('question'), choices, answer };
}

/** What is to be scored for questions: answer by answer, those of one question together. */
export const pairsOf = (questions: readonly Question[]): { readonly text: string; readonly answer: string }[] =>
  questions.flatMap((question) =>
    question.kind === 'cloze'
      ? [{ text: question.text, answer: question.answer }]
      : question.choices.map((answer) => ({ text: question.question, answer })),
  );
