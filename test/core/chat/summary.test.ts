import { describe, expect, it } from 'vitest';
import { latestSummary, said, summarisedTurns, summaryOf, summaryPlan, withSummary } from '#core/chat/summary.ts';

const turns = [
  { role: 'user', text: 'one' },
  { role: 'assistant', text: 'two' },
  { role: 'user', text: 'three' },
] as const;

describe('a summary', () => {
  it('stands in the first question that remains, which keeps its words', () => {
    expect(withSummary(turns, { text: 'They counted.', turns: 2 })).toEqual([
      { role: 'user', text: '[What was said before, in short: They counted.]\n\nthree' },
    ]);
  });

  it.each([1, 3, 9])('of %i turns is none of this conversation: a question has to follow', (count) => {
    const summary = { text: 'x', turns: count };
    expect(withSummary(turns, summary)).toBe(turns);
    expect(summarisedTurns(turns, summary)).toBe(0);
  });

  it('is what a model said, without what it thought; nothing where it only thought', () => {
    expect(summaryOf('<think>hm</think>\n They counted. \n')).toBe('They counted.');
    expect(summaryOf('<think>and so on')).toBe('');
  });

  it('leaves room for itself, the turns that are kept, and the answer', () => {
    for (const context of [64, 512, 8192, 131_072]) {
      const room = context - 1 - Math.floor(context / 4);
      const { keptTokens, maxTokens } = summaryPlan(context, room);
      expect(keptTokens + maxTokens).toBeLessThanOrEqual(room);
    }
  });
});

describe('the branch of a thread', () => {
  const summary = { text: 'They counted.', turns: 2 };
  const message = (id: string, parentId: string | null, role: 'user' | 'assistant', facts: object | null = null) => ({
    id,
    parentId,
    role,
    text: id,
    facts,
  });
  const messages = [
    message('q1', null, 'user'),
    message('a1', 'q1', 'assistant', {}),
    message('q2', 'a1', 'user'),
    message('a2', 'q2', 'assistant', { summary }),
    message('b2', 'q2', 'assistant', {}),
    message('q3', 'a2', 'user'),
    message('r3', 'b2', 'user'),
  ];

  it('goes on from the summary of its newest answer, and from none that another branch has', () => {
    expect(said(messages, 'q3')).toMatchObject({ summary, turns: [{}, {}, {}, {}, {}] });
    expect(said(messages, 'r3').summary).toBeUndefined();
    expect(said(messages, 'q2').summary).toBeUndefined();
  });

  it('reads everything again where its newest answer did', () => {
    expect(latestSummary([{ facts: { summary } }, { facts: {} }, { facts: null }])).toBeUndefined();
  });
});
