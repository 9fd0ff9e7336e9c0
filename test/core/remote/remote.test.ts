import { describe, expect, test } from 'vitest';
import { needsConsent, readAddress } from '#core/remote/address.ts';
import { callCollector, readChunk, readModels } from '#core/remote/chunk.ts';
import { eventReader, EventTooLong, MAX_EVENT_LENGTH } from '#core/remote/events.ts';
import { remoteRequest, type RemoteQuestion } from '#core/remote/request.ts';
import { SAMPLING_PARAMETERS, type SamplingParameterName } from '#core/sampling/parameters.ts';
import { errorOf } from '../../expect-error.ts';

const standard = Object.fromEntries(Object.entries(SAMPLING_PARAMETERS).map(([name, { standard: value }]) => [name, value])) as Record<
  SamplingParameterName,
  number
>;
const question = (changes: Partial<RemoteQuestion> = {}): RemoteQuestion => ({
  model: 'm',
  mode: 'chat',
  systemPrompt: '',
  turns: [{ role: 'user', text: 'Hello' }],
  sampling: { ...standard, seed: null },
  ...changes,
});

describe('addresses', () => {
  test.each([
    ['http://localhost:11434', 'http://localhost:11434/v1', 'loopback'],
    ['http://127.0.0.1:8080/v1/', 'http://127.0.0.1:8080/v1', 'loopback'],
    // As browsers read it: a decimal number is an IPv4 address.
    ['http://2130706433/', 'http://127.0.0.1/v1', 'loopback'],
    ['http://[::1]:8000/v1', 'http://[::1]:8000/v1', 'loopback'],
    ['http://192.168.1.40:8000/v1/chat/completions', 'http://192.168.1.40:8000/v1', 'private'],
    ['http://172.31.0.1/v1', 'http://172.31.0.1/v1', 'private'],
    ['http://172.32.0.1/v1', 'http://172.32.0.1/v1', 'public'],
    ['http://[fd00::1]/v1', 'http://[fd00::1]/v1', 'private'],
    ['http://attic:8000', 'http://attic:8000/v1', 'private'],
    ['http://attic.local/v1', 'http://attic.local/v1', 'private'],
    ['https://api.example.com/openai/v1', 'https://api.example.com/openai/v1', 'public'],
    // Not a name of this computer, whatever it begins with.
    ['http://localhost.example.com/v1', 'http://localhost.example.com/v1', 'public'],
    ['http://127.0.0.1.example.com/v1', 'http://127.0.0.1.example.com/v1', 'public'],
  ])('%s is read as %s, %s', (written, base, reach) => {
    expect(readAddress(written)).toMatchObject({ base, reach });
  });

  test.each([
    '',
    'localhost:11434',
    'ftp://a/v1',
    'file:///etc/passwd',
    'https://user:secret@a/v1',
    'https://a/v1?key=b',
    'https://a/#b',
    'http://',
  ])('%s is refused', async (written) => {
    expect(await errorOf(() => readAddress(written))).toMatchObject({ code: 'remote.badAddress' });
  });

  test('only plain http beyond the own network needs consent', () => {
    const asks = (text: string): boolean => needsConsent(readAddress(text));
    expect(asks('http://api.example.com/v1')).toBe(true);
    expect(asks('https://api.example.com/v1')).toBe(false);
    expect(asks('http://10.0.0.1/v1')).toBe(false);
    expect(asks('http://localhost/v1')).toBe(false);
  });
});

describe('server-sent events', () => {
  // The examples of WHATWG HTML, section 9.2.6, and what real engines send.
  const stream = ': hello\n\ndata: YHOO\ndata: +2\ndata: 10\n\ndata\n\nevent: x\r\ndata:{"a":1}\r\n\r\nid: 1\rdata:  two\r\rdata: cut off';
  const expected = ['YHOO\n+2\n10', '', '{"a":1}', ' two'];

  test('are read whole, whatever pieces they come in', () => {
    expect(eventReader().push(stream)).toEqual(expected);
    for (let size = 1; size < 9; size += 1) {
      const reader = eventReader();
      const pieces = stream.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
      expect(pieces.flatMap((piece) => reader.push(piece))).toEqual(expected);
    }
  });

  test('a byte order mark at the beginning is none of the first field', () => {
    expect(eventReader().push('\uFEFFdata: a\n\n')).toEqual(['a']);
  });

  test('neither one endless line nor an endless event is kept', () => {
    const line = eventReader();
    const piece = 'x'.repeat(1 << 20);
    expect(() => {
      for (let length = 0; length <= MAX_EVENT_LENGTH; length += piece.length) line.push(piece);
    }).toThrow(EventTooLong);
    const event = eventReader();
    expect(() => {
      for (let length = 0; length <= MAX_EVENT_LENGTH; length += piece.length) event.push(`data: ${piece}\n`);
    }).toThrow(EventTooLong);
  });
});

describe('what is asked', () => {
  test('OpenAI is sent only settings that it knows, a llama-server all, vLLM its own name of the penalty', () => {
    const sampling = { ...standard, seed: 7, repeatPenalty: 1.2, topK: 20, stop: ['END'] };
    const sent = (dialect: 'openai' | 'llamacpp' | 'vllm') => remoteRequest(question({ sampling }), dialect).body;
    expect(sent('openai')).toEqual({
      model: 'm',
      temperature: 0.8,
      top_p: 0.95,
      presence_penalty: 0,
      frequency_penalty: 0,
      max_tokens: 1024,
      seed: 7,
      stop: ['END'],
      stream: true,
      stream_options: { include_usage: true },
      messages: [{ role: 'user', content: 'Hello' }],
    });
    expect(sent('llamacpp')).toMatchObject({ repeat_penalty: 1.2, repeat_last_n: 64, top_k: 20, min_p: 0.05, dry_multiplier: 0 });
    expect(sent('vllm')).toMatchObject({ repetition_penalty: 1.2, top_k: 20, min_p: 0.05 });
    expect(sent('vllm')).not.toHaveProperty('repeat_penalty');
  });

  test('a conversation with calls goes in OpenAI’s form, and thoughts are not given back', () => {
    const turns = [
      { role: 'user', text: '6 · 7?' },
      {
        role: 'assistant',
        text: '<think>multiply</think>',
        toolCalls: [{ id: 'c1', name: 'calculator', arguments: '{"expression":"6*7"}' }],
      },
      { role: 'tool', text: '42', toolCallId: 'c1' },
      { role: 'assistant', text: '<think>done</think>\n\nIt is 42.' },
      { role: 'user', text: 'Thanks' },
    ] as const;
    const tools = [{ name: 'calculator', parameters: { type: 'object' } }];
    expect(remoteRequest(question({ systemPrompt: 'Be brief.', turns, tools }), 'openai')).toMatchObject({
      path: '/chat/completions',
      body: {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: '6 · 7?' },
          {
            role: 'assistant',
            content: null,
            tool_calls: [{ id: 'c1', type: 'function', function: { name: 'calculator', arguments: '{"expression":"6*7"}' } }],
          },
          { role: 'tool', content: '42', tool_call_id: 'c1' },
          { role: 'assistant', content: 'It is 42.' },
          { role: 'user', content: 'Thanks' },
        ],
        tools: [{ type: 'function', function: { name: 'calculator', parameters: { type: 'object' } } }],
      },
    });
  });

  test('a text is continued without a template', () => {
    const request = remoteRequest(question({ mode: 'text', turns: [{ role: 'user', text: 'Once' }] }), 'openai');
    expect(request).toMatchObject({ path: '/completions', body: { prompt: 'Once' } });
    expect(request.body).not.toHaveProperty('messages');
  });
});

describe('what comes', () => {
  test('words, thoughts under either name, calls in pieces, the end and the usage are read', () => {
    const chunk = (choice: object, more: object = {}) => readChunk(JSON.stringify({ choices: [{ index: 0, ...choice }], ...more }));
    expect(chunk({ delta: { role: 'assistant', content: 'Hi' }, finish_reason: null })).toMatchObject({ text: 'Hi', finish: null });
    expect(chunk({ delta: { reasoning_content: 'hm' } })).toMatchObject({ text: '', reasoning: 'hm' });
    expect(chunk({ delta: { reasoning: 'hm' } })).toMatchObject({ reasoning: 'hm' });
    expect(chunk({ text: 'more', finish_reason: 'length' })).toMatchObject({ text: 'more', finish: 'length' });
    const usage = { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12, prompt_tokens_details: { cached_tokens: 4 } };
    expect(readChunk(JSON.stringify({ choices: [], usage }))?.usage).toEqual({ promptTokens: 9, answerTokens: 3, cachedTokens: 4 });

    const calls = callCollector();
    const piece = (index: number, call: object) => calls.push(chunk({ delta: { tool_calls: [{ index, function: call }] } })?.calls ?? []);
    piece(0, { name: 'clock', arguments: '' });
    piece(1, { name: 'calculator', arguments: '{"expr' });
    piece(1, { arguments: 'ession":"1+1"}' });
    piece(2, { name: 'broken', arguments: '{"never' });
    expect(calls.calls()).toEqual([
      { name: 'clock', arguments: '{}' },
      { name: 'calculator', arguments: '{"expression":"1+1"}' },
    ]);
  });

  test.each(['', 'null', '[]', '"text"', '{', '{}', '{"choices":7}', '<html>'])('%s is no part of an answer', (data) => {
    expect(readChunk(data)).toBeNull();
  });

  test('wrong types within are nothing, not an error of ours', () => {
    const strange = {
      choices: [{ delta: { content: 7, tool_calls: [null, { index: -1, function: 4 }, { index: 1e9, function: {} }] } }],
      usage: { prompt_tokens: -1 },
    };
    expect(readChunk(JSON.stringify(strange))).toEqual({ text: '', reasoning: '', calls: [], finish: null, usage: null, error: null });
    expect(readChunk('{"choices":[null]}')).toMatchObject({ text: '' });
  });

  test('an error in the stream is told in the engine’s words', () => {
    expect(readChunk('{"error":{"message":"out of memory","code":500}}')?.error).toBe('out of memory');
    expect(readChunk('{"error":"model not found"}')?.error).toBe('model not found');
  });

  test('a list of models is read by its ids, each once', () => {
    expect(readModels('{"object":"list","data":[{"id":"a"},{"id":"b","x":1},{"id":"a"},{"id":""},{"id":4},null]}')).toEqual(['a', 'b']);
    expect(readModels('{"data":null}')).toEqual([]);
    expect(readModels('{"models":[]}')).toBeUndefined();
    expect(readModels('<html>')).toBeUndefined();
  });
});
