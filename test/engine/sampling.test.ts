import { beforeAll, describe, expect, it } from 'vitest';
import { errorOf } from '../expect-error.ts';
import { useInference, user } from './inference-client.ts';

const engine = useInference();
beforeAll(() => engine.loadGenerated('small'));

/** All of the model's own distribution. */
const open = { topK: 0, topP: 1, minP: 0, maxTokens: 60 };
const ask = (sampling: object, text = 'the cat in the hat') => engine.ask({ turns: [user(text)], sampling });

/** Pairs of tokens that were there before. */
const repeatedPairs = (tokens: readonly { text: string }[]): number =>
  tokens.length - 1 - new Set(tokens.slice(1).map(({ text }, index) => JSON.stringify([tokens[index]?.text, text]))).size;

describe('sampling', () => {
  it('each setting that may change an answer does', async () => {
    const settings = { ...open, temperature: 1.3, seed: 7 };
    const plain = await ask(settings);
    expect((await ask(settings)).text).toBe(plain.text);
    for (const change of [
      { topK: 2 },
      { topP: 0.1 },
      { minP: 0.9 },
      { repeatPenalty: 3 },
      { presencePenalty: 2 },
      { frequencyPenalty: 2 },
      { frequencyPenalty: -2 },
      { xtcProbability: 1, xtcThreshold: 0.001 },
      { temperature: 0.2 },
      { seed: 8 },
    ])
      expect({ change, text: (await ask({ ...settings, ...change })).text }).not.toEqual({ change, text: plain.text });
  });

  it('frequency and presence penalties make a looping model write more kinds of tokens', async () => {
    const kinds = async (sampling: object): Promise<number> =>
      new Set((await ask({ ...open, temperature: 0, topLogprobs: 0, ...sampling })).tokens.map(({ text }) => text)).size;
    const plain = await kinds({});
    expect(await kinds({ presencePenalty: 2 })).toBeGreaterThan(plain);
    expect(await kinds({ frequencyPenalty: 2 })).toBeGreaterThan(plain);
  });

  it('DRY ends a repetition that the model would go on with', async () => {
    const loop = { ...open, temperature: 0, topLogprobs: 0, maxTokens: 200 };
    const plain = await ask(loop);
    const dry = await ask({ ...loop, dryStrength: 5, dryBase: 4, dryAllowedLength: 1 });
    expect(repeatedPairs(dry.tokens)).toBeLessThan(repeatedPairs(plain.tokens) * 0.8);
  });

  it('no run of tokens is written twice where that is barred', async () => {
    const loop = { ...open, temperature: 0, topLogprobs: 0, maxTokens: 200 };
    const runs = async (noRepeatNgram: number): Promise<readonly string[]> => {
      // Many tokens of this model are parts of characters, which have one text.
      const tokens = (await ask({ ...loop, noRepeatNgram })).tokens.map(({ text, bytes }) => text + bytes.join());
      return tokens.slice(2).map((text, index) => JSON.stringify([...tokens.slice(index, index + 2), text]));
    };
    const [free, barred] = [await runs(0), await runs(3)];
    expect(new Set(free).size).toBeLessThan(free.length);
    expect(barred.length).toBeGreaterThan(100);
    expect(new Set(barred).size).toBe(barred.length);
  });

  it('XTC takes the likeliest tokens away', async () => {
    const { tokens } = await ask({ ...open, temperature: 0, topLogprobs: 2, maxTokens: 20 });
    const without = await ask({ ...open, temperature: 0, xtcProbability: 1, xtcThreshold: 0.001, seed: 1, maxTokens: 1 });
    expect(without.text).not.toBe(tokens[0]?.text);
  });

  it('ends before a stop string, also one that is spread over tokens, and tells no token of it', async () => {
    const { text } = await ask({ ...open, temperature: 0, maxTokens: 60 });
    const stop = text.slice(20, 26);
    const cut = await ask({ ...open, temperature: 0, maxTokens: 60, stop: ['never to be seen', stop], topLogprobs: 0 });
    expect(cut.text).toBe(text.slice(0, text.indexOf(stop)));
    expect(cut.facts.stopReason).toBe('end');
    expect(text.startsWith(cut.tokens.map((token) => token.text).join(''))).toBe(true);
    expect(cut.tokens.map((token) => token.text).join('').length).toBeLessThanOrEqual(cut.text.length);
  });
});

describe('logprobs', () => {
  it('are those of the distribution, and the alternatives are in order', async () => {
    const { tokens, text, facts } = await ask({ ...open, temperature: 0, maxTokens: 20, topLogprobs: 5 });
    expect(tokens).toHaveLength(facts.answerTokens);
    expect(tokens.map((token) => token.text).join('')).toBe(text);
    for (const { logprob, top, text: chosen } of tokens) {
      expect(top).toHaveLength(5);
      // Greedy: the likeliest is the one.
      expect(top[0]).toMatchObject({ text: chosen, logprob });
      expect(top.map((other) => other.logprob)).toEqual(top.map((other) => other.logprob).toSorted((a, b) => b - a));
      expect(top.reduce((sum, other) => sum + Math.exp(other.logprob), 0)).toBeLessThanOrEqual(1.0001);
    }
  });

  it('of the whole vocabulary sum to one, at any temperature of the filters that are left', async () => {
    const { tokens } = await ask({ ...open, topK: 4, temperature: 1, seed: 3, maxTokens: 10, topLogprobs: 20 });
    for (const { top } of tokens) {
      expect(top).toHaveLength(4);
      expect(top.reduce((sum, other) => sum + Math.exp(other.logprob), 0)).toBeCloseTo(1, 4);
    }
  });

  it('hold the bytes of tokens that are parts of characters', async () => {
    const { tokens } = await ask({ ...open, temperature: 2, seed: 11, maxTokens: 60, topLogprobs: 20 });
    const parts = tokens.flatMap(({ top }) => top).filter(({ text }) => text.includes('\uFFFD'));
    expect(parts.length).toBeGreaterThan(0);
    for (const { bytes } of parts) expect(bytes).toEqual([expect.toSatisfy((byte: number) => byte >= 0x80)]);
  });
});

describe('formats', () => {
  it('hold a model of random weights to a schema', async () => {
    const schema = {
      type: 'object',
      properties: {
        name: { type: 'string', maxLength: 8 },
        age: { type: 'integer' },
        tags: { type: 'array', items: { enum: ['red', 'green'] }, minItems: 1, maxItems: 3 },
        kind: { anyOf: [{ const: 'a"b' }, { type: 'null' }] },
        ok: { type: 'boolean' },
      },
      required: ['name', 'tags', 'kind'],
      additionalProperties: false,
    };
    for (const seed of [1, 2, 3, 4]) {
      const { text, facts } = await ask({ ...open, temperature: 1, seed, maxTokens: 400, format: { type: 'schema', schema } });
      expect(facts.stopReason).toBe('end');
      const value = JSON.parse(text) as Record<string, unknown>;
      expect(value).toMatchObject({ name: expect.any(String), tags: expect.any(Array) });
      expect(['a"b', null]).toContain(value['kind']);
      expect((value['tags'] as string[]).every((tag) => ['red', 'green'].includes(tag))).toBe(true);
      expect((value['tags'] as string[]).length).toBeLessThanOrEqual(3);
      // Random weights also make bytes that are no characters: each counts for more than one then.
      const name = value['name'] as string;
      if (!name.includes('\uFFFD')) expect([...name].length).toBeLessThanOrEqual(8);
      expect(Object.keys(value).every((key) => key in schema.properties)).toBe(true);
    }
  });

  it('hold it to a grammar, and to JSON', async () => {
    const grammar = 'root ::= ("yes" | "no") " " [0-9]{3}';
    expect((await ask({ ...open, temperature: 1, seed: 2, format: { type: 'grammar', grammar } })).text).toMatch(/^(yes|no) \d{3}$/);
    const { text } = await ask({ ...open, temperature: 0, maxTokens: 30, format: { type: 'json' } });
    expect(text.startsWith('{')).toBe(true);
  });

  it.each([
    ['is no grammar at all', 'root ::= ('],
    ['has no root', 'other ::= "x"'],
    ['names a rule that is not there', 'root ::= missing'],
    ['calls itself on the left', 'root ::= root "x"'],
    ['repeats without measure', 'root ::= "x"{1000000}'],
    ['is empty', ''],
  ])('refuse a grammar that %s, and the engine goes on', async (_, grammar) => {
    expect(await errorOf(ask({ format: { type: 'grammar', grammar } }))).toMatchObject({ code: 'chat.badGrammar' });
    expect((await ask({ maxTokens: 2 })).facts.answerTokens).toBe(2);
  });

  it('refuse a schema that they could not hold a model to', async () => {
    const error = await errorOf(ask({ format: { type: 'schema', schema: { type: 'string', pattern: '^a' } } }));
    expect(error).toMatchObject({ code: 'chat.badSchema', params: { problem: expect.stringContaining('"pattern"') } });
  });

  it('are refused where the vocabulary cannot write everything', async () => {
    await engine.loadGenerated('bare', { byteTokens: [0x0a], chatTemplate: null });
    expect(await errorOf(ask({ format: { type: 'grammar', grammar: 'root ::= "{"' } }))).toMatchObject({
      code: 'chat.formatUnreachable',
    });
    expect((await ask({ maxTokens: 2 })).facts.answerTokens).toBe(2);
  });
});

describe('embeddings', () => {
  beforeAll(() => engine.loadGenerated('small'));

  const vectors = async (texts: string[]) => {
    const all = [];
    for await (const event of (await engine.inference()).embed({ texts })) all.push(event);
    return all;
  };

  it('have length 1, are the same for the same text, and leave the model ready to answer', async () => {
    const [first, second, third] = await vectors(['the cat', 'in a hat', 'the cat']);
    expect(first?.vector).toHaveLength(64);
    expect(Math.hypot(...(first?.vector ?? []))).toBeCloseTo(1, 6);
    expect(third?.vector).toEqual(first?.vector);
    expect(second?.vector).not.toEqual(first?.vector);
    expect([first?.index, second?.index, third?.index]).toEqual([0, 1, 2]);
    expect((await ask({ maxTokens: 2 })).facts.answerTokens).toBe(2);
  });

  it('refuse a text that the model was not made for', async () => {
    expect(await errorOf(vectors(['x'.repeat(1000)]))).toMatchObject({ code: 'chat.promptTooLong' });
    expect(await errorOf(vectors(['']))).toMatchObject({ code: 'chat.emptyPrompt' });
  });
});
