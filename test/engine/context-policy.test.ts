import { describe, expect, it } from 'vitest';
import type { ContextPolicy } from '#core/chat/context.ts';
import { errorOf } from '../expect-error.ts';
import { assistant, useInference, user } from './inference-client.ts';

const engine = useInference();

/** Question and answer in turn, each of about fifty tokens; the last one is a question. */
const long = (pairs: number) => [
  ...Array.from({ length: pairs }, (_, index) => [
    user(`question ${index} ${'x'.repeat(36)}`),
    assistant(`answer ${index} ${'y'.repeat(36)}`),
  ]).flat(),
  user('and now?'),
];

const systemPrompt = 'You are a lathe.';
const request = (turns: ReturnType<typeof long>, contextPolicy: ContextPolicy) => ({
  mode: 'chat' as const,
  systemPrompt,
  turns,
  sampling: { temperature: 0, maxTokens: 20, contextPolicy },
});

describe('a conversation longer than the context', () => {
  it('is refused, or loses its oldest turns, exactly as the report says beforehand', async () => {
    await engine.loadGenerated('small', {}, 512);
    const turns = long(20);
    const client = await engine.inference();
    expect(await errorOf(engine.ask(request(turns, 'stop')))).toMatchObject({ code: 'chat.promptTooLong' });
    expect(await client.prompt(request(turns, 'stop'))).toMatchObject({ fits: false, droppedTurns: 0 });

    for (const policy of ['rolling', 'keepSystem'] as const) {
      const report = await client.prompt(request(turns, policy));
      expect(report).toMatchObject({ fits: true, contextLength: 512, droppedSystem: policy === 'rolling' });
      expect(report.text.includes(systemPrompt)).toBe(policy === 'keepSystem');
      expect(report.droppedTurns).toBeGreaterThan(0);
      // Whole turns, a question first, and one pair more would not have had room.
      expect(report.text).toContain(`question ${report.droppedTurns / 2} `);
      expect(report.text).not.toContain(`answer ${report.droppedTurns / 2 - 1} `);
      expect(report.promptTokens).toBeLessThanOrEqual(511 - 20);
      const { facts } = await engine.ask(request(turns, policy));
      expect(facts).toMatchObject({ promptTokens: report.promptTokens, droppedTurns: report.droppedTurns, answerTokens: 20 });
    }
  });

  it('whose last question alone is too long is refused under every policy, and nothing breaks', async () => {
    const turns = [user('x'.repeat(900))];
    for (const policy of ['stop', 'rolling', 'keepSystem'] as const)
      expect(await errorOf(engine.ask(request(turns, policy)))).toMatchObject({ code: 'chat.promptTooLong' });
    expect((await engine.ask(request(long(1), 'keepSystem'))).facts.answerTokens).toBe(20);
  });

  it('can go on for a hundred turns without ever overflowing', async () => {
    for (let pairs = 1; pairs <= 100; pairs += 11) {
      const { facts } = await engine.ask(request(long(pairs), 'keepSystem'));
      expect(facts.promptTokens + facts.answerTokens).toBeLessThanOrEqual(512);
      expect(facts.stopReason).toBe('maxTokens');
    }
  });
});

describe('a conversation whose oldest turns are summarised', () => {
  const CONTEXT = 1024;
  const talk = (pairs: number) => [
    ...Array.from({ length: pairs }, (_, index) => [user(`How much is ${index} + 3?`), assistant(`It is ${index + 3}.`)]).flat(),
    user('What does a duck do?'),
  ];
  /** The texts of one request, and what came before them. */
  const summarise = async (turns: ReturnType<typeof talk>, summary?: { text: string; turns: number }) => {
    const client = await engine.inference();
    const asked = { ...request(turns, 'summarise'), ...(summary === undefined ? {} : { summary }) };
    const announced: number[] = [];
    for await (const event of client.generate(asked)) {
      if (event.type === 'summary') announced.push(event.turns);
      if (event.type === 'finished') return { announced, facts: event.facts, report: await client.prompt(asked) };
    }
    throw new Error('the answer ended without being finished');
  };

  it('is told before, kept with the answer, and read in the place of the turns from then on, until it no longer fits again', async () => {
    await engine.loadDemo();
    const whole = await summarise(talk(2));
    expect(whole.announced).toEqual([]);
    expect(whole.facts.summary).toBeUndefined();

    const turns = talk(60);
    const first = await summarise(turns);
    const { summary } = first.facts;
    if (summary === undefined) throw new Error('nothing was summarised');
    expect(first.announced).toEqual([summary.turns]);
    // More than had to go, so that the next question does not summarise again.
    expect(summary.turns).toBeGreaterThan(first.report.droppedTurns);
    expect(summary.text).not.toBe('');
    expect(first.facts.droppedTurns).toBeUndefined();

    const followUp = [...turns, assistant('so it is'), user('and then?')];
    const second = await summarise(followUp, summary);
    expect(second.announced).toEqual([]);
    expect(second.facts.summary).toEqual(summary);
    expect(second.report).toMatchObject({ summarisedTurns: summary.turns, droppedTurns: 0, fits: true, droppedSystem: false });
    expect(second.report.text).toContain(systemPrompt);
    expect(second.report.text).toContain(`How much is ${summary.turns / 2} `);
    expect(second.report.text).not.toContain(`How much is ${summary.turns / 2 - 1} `);
    expect(second.facts.promptTokens).toBe(second.report.promptTokens);

    const later = [...talk(80).slice(0, -1), user('at last?')];
    const third = await summarise(later, summary);
    expect(third.facts.summary?.turns).toBeGreaterThan(summary.turns);
    expect(third.facts.promptTokens + third.facts.answerTokens).toBeLessThanOrEqual(CONTEXT);
  });

  it('is summarised in parts where the whole is longer than the context, and never overflows', async () => {
    const { announced, facts } = await summarise(talk(200));
    expect(announced).toHaveLength(1);
    expect(facts.summary?.turns).toBe(announced[0]);
    expect(facts.droppedTurns).toBeUndefined();
    expect(facts.promptTokens + facts.answerTokens).toBeLessThanOrEqual(CONTEXT);
  });

  it('is not read by another policy, nor where it is of another conversation', async () => {
    const client = await engine.inference();
    const summary = { text: 'They spoke of spindles.', turns: 2 };
    expect((await client.prompt({ ...request(talk(2), 'keepSystem'), summary })).text).not.toContain('spindles');
    const misplaced = { ...request(talk(2), 'summarise'), summary: { ...summary, turns: 3 } };
    expect(await client.prompt(misplaced)).toMatchObject({ summarisedTurns: 0 });
    expect((await client.prompt({ ...request(talk(2), 'summarise'), summary })).text).toContain('spindles');
  });

  it('that is stopped meanwhile is not begun to be answered', async () => {
    const client = await engine.inference();
    const events: string[] = [];
    for await (const event of client.generate(request(talk(60), 'summarise'))) {
      events.push(event.type);
      if (event.type === 'summary') await client.stop({});
      if (event.type === 'finished') expect(event.facts).toMatchObject({ stopReason: 'stopped', answerTokens: 0 });
    }
    expect(events).not.toContain('text');
  });
});

describe('the prompt cache', () => {
  it('a follow-up evaluates only what is new', async () => {
    await engine.loadGenerated('long', { contextLength: 4096 }, 4096);
    const turns = long(18);
    const first = await engine.ask(request(turns, 'stop'));
    expect(first.facts.promptTokens).toBeGreaterThan(1500);
    const followUp = [...turns, assistant(first.text), user('go on')];
    const second = await engine.ask(request(followUp, 'stop'));
    const { promptTokens, cachedTokens } = second.facts;
    // All of the first prompt but at most the token that has to be computed again.
    expect(cachedTokens).toBeGreaterThanOrEqual(first.facts.promptTokens - 1);
    expect(promptTokens - cachedTokens).toBeLessThan(100);
    const cold = await (async () => {
      await engine.loadGenerated('long', { contextLength: 4096 }, 4096);
      return engine.ask(request(followUp, 'stop'));
    })();
    expect(cold.facts.cachedTokens).toBe(0);
    expect(cold.text).toBe(second.text);
    expect(second.facts.timeToFirstTokenMs ?? Infinity).toBeLessThan(cold.facts.timeToFirstTokenMs ?? 0);
  });
});
