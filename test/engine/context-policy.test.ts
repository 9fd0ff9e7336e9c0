import { describe, expect, it } from 'vitest';
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
const request = (turns: ReturnType<typeof long>, contextPolicy: 'stop' | 'rolling' | 'keepSystem') => ({
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
