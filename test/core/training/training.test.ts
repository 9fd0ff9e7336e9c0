import { describe, expect, test } from 'vitest';
import { lossMask } from '#core/training/loss-mask.ts';
import { packedRow, planPacking } from '#core/training/packing.ts';
import { readDataset } from '#core/training/samples.ts';
import { learningRateAt, warmupStepsOf, type ScheduleKind } from '#core/training/schedule.ts';

describe('the learning rate', () => {
  // transformers 4.57.6, get_scheduler with 3 steps of warm-up of 8, learning rate 1: printed by LambdaLR.get_last_lr().
  const expected: Record<ScheduleKind, number[]> = {
    constant: [0, 1 / 3, 2 / 3, 1, 1, 1, 1, 1, 1],
    linear: [0, 1 / 3, 2 / 3, 1, 0.8, 0.6, 0.4, 0.2, 0],
    cosine: [0, 1 / 3, 2 / 3, 1, 0.9045084971874737, 0.6545084971874737, 0.34549150281252633, 0.09549150281252633, 0],
  };
  test.each(['constant', 'linear', 'cosine'] as const)('goes as transformers has it: %s', (kind) => {
    for (const [step, rate] of expected[kind].entries())
      expect(learningRateAt({ kind, learningRate: 1, totalSteps: 8, warmupSteps: 3 }, step)).toBeCloseTo(rate, 12);
  });
  test('begins at its peak without a warm-up', () => {
    expect(learningRateAt({ kind: 'cosine', learningRate: 2e-4, totalSteps: 8, warmupSteps: 0 }, 0)).toBe(2e-4);
  });
  test('warms up for a whole step at least', () => expect(warmupStepsOf(0.03, 10)).toBe(1));
});

describe('the loss mask', () => {
  const tokens = [
    { start: 0, end: 0 },
    { start: 0, end: 4 },
    { start: 4, end: 7 },
    { start: 7, end: 9 },
    { start: 9, end: 10 },
    { start: 10, end: 14 },
  ];
  test('is on tokens that begin in an answer, by their offsets', () => {
    expect([
      ...lossMask(tokens, [
        { start: 4, end: 9 },
        { start: 10, end: 14 },
      ]),
    ]).toEqual([0, 0, 1, 1, 0, 1]);
  });
  test('leaves out a token that reaches into an answer from before it', () => {
    expect([...lossMask(tokens, [{ start: 5, end: 9 }])]).toEqual([0, 0, 0, 1, 0, 0]);
  });
  test('never trains a token without characters', () => expect(lossMask(tokens, [{ start: 0, end: 4 }])[0]).toBe(0));
});

describe('packing', () => {
  test('puts every sample that fits into exactly one row, none over its length', () => {
    const lengths = Array.from({ length: 500 }, (_, index) => (index * 7919) % 70);
    const { rows, tooLong, empty } = planPacking(lengths, 64);
    expect([...rows.flat(), ...tooLong, ...empty].toSorted((a, b) => a - b)).toEqual(lengths.map((_, index) => index));
    for (const row of rows) expect(row.reduce((sum, index) => sum + (lengths[index] ?? 0), 0)).toBeLessThanOrEqual(64);
    expect(tooLong.every((index) => (lengths[index] ?? 0) > 64)).toBe(true);
    expect(empty.every((index) => lengths[index] === 0)).toBe(true);
  });
  test('finds the tightest row', () => {
    expect(planPacking([6, 5, 4, 5], 10).rows).toEqual([
      [0, 2],
      [1, 3],
    ]);
  });
  test('starts positions again with each sample, and tells samples and padding apart', () => {
    const { positions, segments } = packedRow([3, 2], 6);
    expect([...positions]).toEqual([0, 1, 2, 0, 1, 0]);
    expect([...segments]).toEqual([0, 0, 0, 1, 1, -1]);
  });
  test('refuses a row that is too full', () => expect(() => packedRow([4, 3], 6)).toThrow(RangeError));
});

describe('a dataset', () => {
  const chat = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Hello' },
  ];
  test('is recognised record by record, whatever its shape', () => {
    const lines = [
      { messages: chat },
      {
        conversations: [
          { from: 'human', value: 'Hi' },
          { from: 'gpt', value: 'Hello' },
        ],
      },
      { instruction: 'Hi', input: '', output: 'Hello' },
      { prompt: 'Hi', completion: ' there' },
      { text: 'Once' },
    ];
    const { samples, problems } = readDataset(lines.map((line) => JSON.stringify(line)).join('\n'), 'jsonl');
    expect(problems).toEqual([]);
    expect(samples).toEqual([
      { line: 1, kind: 'messages', messages: chat },
      { line: 2, kind: 'messages', messages: chat },
      { line: 3, kind: 'messages', messages: chat },
      { line: 4, kind: 'completion', prompt: 'Hi', completion: ' there' },
      { line: 5, kind: 'text', text: 'Once' },
    ]);
  });
  // TRL, "Dataset formats and types", conversational prompt-completion; OpenAI's fine-tuning guide, `weight` of an assistant's message.
  test('tells answers that are only shown from those that are learned', () => {
    const [question, answer] = chat;
    const lines = [
      { prompt: [question], completion: [answer] },
      { prompt: [question, answer, question], completion: [answer] },
      { messages: [question, { ...answer, weight: 0 }, question, { ...answer, weight: 1 }] },
      { messages: [question, { ...answer, weight: 0 }] },
      { prompt: [question, answer], completion: [question] },
      { prompt: [{ role: 'wizard', content: 'x' }], completion: [answer] },
      { prompt: [7], completion: [answer] },
    ];
    const { samples, problems } = readDataset(lines.map((line) => JSON.stringify(line)).join('\n'), 'jsonl');
    const shown = { ...answer, weight: 0 };
    expect(samples).toEqual([
      { line: 1, kind: 'messages', messages: chat },
      { line: 2, kind: 'messages', messages: [question, shown, question, answer] },
      { line: 3, kind: 'messages', messages: [question, shown, question, answer] },
    ]);
    expect(problems).toEqual([
      { line: 4, kind: 'noAnswer' },
      { line: 5, kind: 'noAnswer' },
      { line: 6, kind: 'unknownRole' },
      { line: 7, kind: 'unknownShape' },
    ]);
  });
  test('names each line that teaches nothing, and keeps the others', () => {
    const text = ['{"text": "a"}', '{"text": ', '', '{"text": ""}', '{"messages":[{"role":"user","content":"x"}]}', '7'];
    const { samples, problems } = readDataset([...text, '{"messages":[{"role":"wizard","content":"x"}]}'].join('\r\n'), 'jsonl');
    expect(samples.map(({ line }) => line)).toEqual([1]);
    expect(problems).toEqual([
      { line: 2, kind: 'invalidJson' },
      { line: 4, kind: 'emptyText' },
      { line: 5, kind: 'noAnswer' },
      { line: 6, kind: 'unknownShape' },
      { line: 7, kind: 'unknownRole' },
    ]);
  });
  test('is an array with line numbers, brackets in strings, and broken elements', () => {
    const text = '\uFEFF[\n {"text": "a ] \\" ,"},\n {"text": x},\n {"text":\n "b"}\n]\n';
    expect(readDataset(text, 'json')).toEqual({
      samples: [
        { line: 2, kind: 'text', text: 'a ] " ,' },
        { line: 4, kind: 'text', text: 'b' },
      ],
      problems: [{ line: 3, kind: 'invalidJson' }],
    });
  });
  test('that is cut off says so', () => {
    expect(readDataset('[{"text": "a"},\n', 'json').problems).toEqual([{ line: 2, kind: 'invalidJson' }]);
    expect(readDataset('[{"text": "a', 'json').problems).toEqual([{ line: 1, kind: 'invalidJson' }]);
    expect(readDataset('{"text": "a"}', 'json').problems).toEqual([{ line: 1, kind: 'notAnArray' }]);
  });
  test('is a table with quotes, line breaks in fields, and rows of a wrong width', () => {
    const text = 'prompt,completion\r\n"say ""hi"", now","a\nb"\r\nonly\r\nx,y\r\n"open';
    expect(readDataset(text, 'csv')).toEqual({
      samples: [
        { line: 2, kind: 'completion', prompt: 'say "hi", now', completion: 'a\nb' },
        { line: 5, kind: 'completion', prompt: 'x', completion: 'y' },
      ],
      problems: [
        { line: 4, kind: 'wrongColumns' },
        { line: 6, kind: 'unclosedQuote' },
      ],
    });
  });
});
