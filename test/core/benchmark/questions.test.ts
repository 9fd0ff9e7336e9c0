import { expect, test } from 'vitest';
import { readQuestions } from '#core/benchmark/questions.ts';
import { errorOf } from '../../expect-error.ts';

test('reads cloze and multiple choice, named by their id or their line', () => {
  const text = [
    '\uFEFF{"text": "The capital of France is", "answer": " Paris"}',
    '',
    '{"id": "sum", "question": "2 + 2 =", "choices": [" 3", " 4"], "answer": 1}\r',
    '   ',
    '{"text": "天空是", "answer": "蓝色的"}',
  ].join('\n');
  expect(readQuestions(text)).toEqual([
    { kind: 'cloze', id: '1', text: 'The capital of France is', answer: ' Paris' },
    { kind: 'choice', id: 'sum', question: '2 + 2 =', choices: [' 3', ' 4'], answer: 1 },
    { kind: 'cloze', id: '5', text: '天空是', answer: '蓝色的' },
  ]);
});

const good = '{"text": "a", "answer": "b"}';
test.for([
  ['{"text": "a", "answer": "b"', /JSON|property|Expected/],
  ['[1]', 'it is no object'],
  ['null', 'it is no object'],
  ['{"answer": "b"}', 'it has neither "text" nor "question"'],
  ['{"text": "a"}', '"answer" is not a text that is not empty'],
  ['{"text": "a", "answer": 3}', '"answer" is not a text that is not empty'],
  ['{"text": "a", "answer": "b", "anwser": "c"}', '"anwser" is no field of it'],
  ['{"text": "a", "answer": "b", "__proto__": 1}', '"__proto__" is no field of it'],
  ['{"id": 3, "text": "a", "answer": "b"}', '"id" is not a text that is not empty'],
  ['{"question": "q", "choices": ["a"], "answer": 0}', '"choices" is not a list of 2 to 64 texts'],
  ['{"question": "q", "choices": ["a", ""], "answer": 0}', '"choices" is not a list of 2 to 64 texts'],
  ['{"question": "q", "choices": ["a", "a"], "answer": 0}', 'two of "choices" are the same'],
  ['{"question": "q", "choices": ["a", "b"], "answer": 2}', '"answer" is not a whole number from 0 to 1'],
  ['{"question": "q", "choices": ["a", "b"], "answer": "a"}', '"answer" is not a whole number from 0 to 1'],
] as const)('names the line and the reason of %s', async ([line, reason]) => {
  expect(await errorOf(() => readQuestions(`${good}\n\n${line}\n`))).toMatchObject({
    code: 'benchmark.badLine',
    params: { line: 3, reason: typeof reason === 'string' ? reason : (expect.stringMatching(reason) as string) },
  });
});

test.for(['', '\n \n'])('a file without questions (%j) is refused', async (text) => {
  expect(await errorOf(() => readQuestions(text))).toMatchObject({ code: 'benchmark.noQuestions' });
});
