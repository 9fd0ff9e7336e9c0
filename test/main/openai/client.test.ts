import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI, { APIError, AuthenticationError, BadRequestError, NotFoundError } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realEngines, startApi, type Api } from './fixture.ts';

/** The official client against the server and a real engine with a small random model. */

let api: Api;
let home: string;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'lathe-api-'));
  api = await startApi(realEngines(), home);
});
afterAll(async () => {
  await api.close();
  await rm(home, { recursive: true, force: true });
});

const messages = [
  { role: 'system' as const, content: 'Be brief.' },
  { role: 'user' as const, content: 'the cat in the hat' },
];
const plain = { model: 'teller', messages, temperature: 0, max_tokens: 12 };

const weather = {
  type: 'function' as const,
  function: {
    name: 'weather',
    description: 'Of a place',
    parameters: { type: 'object', properties: { unit: { enum: ['C', 'F'] }, days: { type: 'integer' } }, required: ['unit', 'days'] },
  },
};

describe('the official client', () => {
  it('lists the models, and finds one', async () => {
    const list = await api.openai.models.list();
    expect(list.data).toMatchObject([{ id: 'teller', object: 'model', owned_by: 'lathe' }]);
    expect(await api.openai.models.retrieve('teller')).toMatchObject({ id: 'teller' });
    await expect(api.openai.models.retrieve('nobody')).rejects.toBeInstanceOf(NotFoundError);
  });

  it('gets the same answer whole and as a stream', async () => {
    const whole = await api.openai.chat.completions.create(plain);
    const [choice] = whole.choices;
    expect(choice).toMatchObject({ index: 0, finish_reason: 'length', message: { role: 'assistant' } });
    expect(whole.usage).toMatchObject({ completion_tokens: 12, total_tokens: (whole.usage?.prompt_tokens ?? 0) + 12 });
    const stream = await api.openai.chat.completions.create({ ...plain, stream: true, stream_options: { include_usage: true } });
    let text = '';
    const reasons = [];
    let usage;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      if (chunk.choices[0]?.finish_reason !== null && chunk.choices[0] !== undefined) reasons.push(chunk.choices[0].finish_reason);
      usage = chunk.usage ?? usage;
    }
    expect(text).toBe(choice?.message.content);
    expect(reasons).toEqual(['length']);
    expect(usage).toMatchObject({ completion_tokens: 12 });
    expect(usage?.prompt_tokens_details?.cached_tokens).toBeGreaterThan(0);
  });

  it('gets several answers, each again with the same seed', async () => {
    const asked = { ...plain, temperature: 1.5, seed: 5, n: 3 };
    const first = await api.openai.chat.completions.create(asked);
    expect(first.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(new Set(first.choices.map(({ message }) => message.content)).size).toBe(3);
    const again = await api.openai.chat.completions.create(asked);
    expect(again.choices.map(({ message }) => message.content)).toEqual(first.choices.map(({ message }) => message.content));
  });

  it('stops at a stop string', async () => {
    const whole = (await api.openai.chat.completions.create({ ...plain, max_tokens: 40 })).choices[0]?.message.content ?? '';
    const stop = whole.slice(10, 13);
    const cut = await api.openai.chat.completions.create({ ...plain, max_tokens: 40, stop });
    expect(cut.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: whole.slice(0, whole.indexOf(stop)) } });
  });

  it('gets logprobs with alternatives', async () => {
    const { choices } = await api.openai.chat.completions.create({ ...plain, logprobs: true, top_logprobs: 3 });
    const content = choices[0]?.logprobs?.content ?? [];
    expect(content).toHaveLength(12);
    for (const token of content) {
      expect(token.logprob).toBeLessThanOrEqual(0);
      expect(token.top_logprobs).toHaveLength(3);
      expect(token.top_logprobs[0]?.logprob).toBe(token.logprob);
    }
    // A character that is spread over tokens is only whole in their bytes together.
    const bytes = Buffer.from(content.flatMap((token) => token.bytes ?? []));
    expect(new TextDecoder().decode(bytes)).toBe(choices[0]?.message.content);
  });

  it('gets JSON of its schema', async () => {
    const schema = { type: 'object', properties: { ok: { type: 'boolean' }, kind: { enum: ['a', 'b'] } }, required: ['ok', 'kind'] };
    const { choices } = await api.openai.chat.completions.create({
      ...plain,
      temperature: 1,
      max_tokens: 100,
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } },
    });
    expect(choices[0]?.finish_reason).toBe('stop');
    expect(JSON.parse(choices[0]?.message.content ?? '')).toEqual({ ok: expect.any(Boolean), kind: expect.stringMatching(/^[ab]$/) });
  });

  it.each([false, true])('gets the call of a tool that it requires, and may go on with its result (stream: %s)', async (isStream) => {
    const asked = { ...plain, max_tokens: 200, tools: [weather], tool_choice: 'required' as const };
    const finished = isStream
      ? await api.openai.chat.completions.stream(asked).finalChatCompletion()
      : await api.openai.chat.completions.create(asked);
    const [choice] = finished.choices;
    expect(choice?.finish_reason).toBe('tool_calls');
    const [call] = choice?.message.tool_calls ?? [];
    if (call?.type !== 'function') throw new Error('no call came');
    expect(call.function.name).toBe('weather');
    expect(JSON.parse(call.function.arguments)).toEqual({ unit: expect.stringMatching(/^[CF]$/), days: expect.any(Number) });
    const next = await api.openai.chat.completions.create({
      ...plain,
      messages: [
        ...messages,
        { role: 'assistant', content: null, tool_calls: [{ id: call.id, type: 'function', function: call.function }] },
        { role: 'tool', tool_call_id: call.id, content: 'sunny' },
      ],
    });
    const without = await api.openai.chat.completions.create(plain);
    expect(next.usage?.prompt_tokens).toBeGreaterThan((without.usage?.prompt_tokens ?? 0) + 20);
  });

  it('lets a text go on, with logprobs, for several prompts', async () => {
    const { choices } = await api.openai.completions.create({
      model: 'teller',
      prompt: ['the cat', 'a hat'],
      max_tokens: 5,
      temperature: 0,
      logprobs: 2,
    });
    expect(choices.map(({ index }) => index)).toEqual([0, 1]);
    expect(choices[0]?.logprobs?.tokens).toHaveLength(5);
    expect(choices[0]?.logprobs?.text_offset?.[0]).toBe(0);
    const stream = await api.openai.completions.create({ model: 'teller', prompt: 'the cat', max_tokens: 5, temperature: 0, stream: true });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.text ?? '';
    expect(text).toBe(choices[0]?.text);
  });

  it('gets embeddings, as numbers and packed', async () => {
    const asked = { model: 'teller', input: ['the cat', 'a hat'] };
    const packed = await api.openai.embeddings.create(asked);
    const numbers = await api.openai.embeddings.create({ ...asked, encoding_format: 'float' });
    expect(packed.data.map(({ index }) => index)).toEqual([0, 1]);
    expect(packed.data[0]?.embedding).toHaveLength(64);
    packed.data.forEach(({ embedding }, index) =>
      embedding.forEach((value, at) => expect(value).toBeCloseTo(numbers.data[index]?.embedding[at] ?? NaN, 6)),
    );
    expect(packed.usage.prompt_tokens).toBeGreaterThan(3);
  });

  it('throws its own errors: unknown model, wrong key, too long, bad schema', async () => {
    await expect(api.openai.chat.completions.create({ ...plain, model: 'nobody' })).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
    const stranger = new OpenAI({ baseURL: api.running.address, apiKey: 'wrong', maxRetries: 0 });
    await expect(stranger.models.list()).rejects.toBeInstanceOf(AuthenticationError);
    const long = { ...plain, messages: [{ role: 'user' as const, content: 'x'.repeat(2000) }] };
    await expect(api.openai.chat.completions.create(long)).rejects.toMatchObject({ status: 400, code: 'context_length_exceeded' });
    await expect(api.openai.chat.completions.create({ ...long, stream: true })).rejects.toBeInstanceOf(BadRequestError);
    const schema = { type: 'string', pattern: '^a' };
    await expect(
      api.openai.chat.completions.create({ ...plain, response_format: { type: 'json_schema', json_schema: { name: 'a', schema } } }),
    ).rejects.toMatchObject({ status: 400, code: 'invalid_json_schema' });
    await expect(api.openai.chat.completions.create({ ...plain, max_tokens: -1 })).rejects.toBeInstanceOf(APIError);
  });

  it('that leaves stops the answer, and the next one is answered', async () => {
    const stream = await api.openai.chat.completions.create({ ...plain, max_tokens: 400, stream: true });
    for await (const _ of stream) break;
    stream.controller.abort();
    expect((await api.openai.chat.completions.create(plain)).usage?.completion_tokens).toBe(12);
  });
});
