import { readAddress } from '#core/remote/address.ts';
import { grammarOfSchema } from '#core/sampling/json-schema.ts';
import { sampling } from '#contract/chat.ts';
import { chatCompletion } from '#main/openai/chat.ts';
import { completion } from '#main/openai/completion.ts';
import { ApiError, toApiError } from '#main/openai/errors.ts';
import { chatRequest, completionRequest, embeddingRequest, parse } from '#main/openai/schema.ts';
import type { Answering } from '#main/openai/answers.ts';
import { listRemoteModels, streamCompletion } from '#main/remote/completion.ts';
import type { RemoteTarget } from '#main/remote/http.ts';
import { valueOf } from '../from-schema.ts';
import { damagedText, decode, encode, jsonFile } from '../json.ts';
import { strangeText, type Random } from '../random.ts';
import { promise, type Target } from '../target.ts';

const answered = ['Hello ', '<tool_call>{"name":"f","arguments":{}}</tool_call>'];

/** A model that always says the same, where the format that is asked for can be kept. */
const answering: Answering = {
  chat: {
    complete: async function* ({ sampling: settings, turns }) {
      if (settings.format?.type === 'schema') grammarOfSchema(settings.format.schema);
      promise(
        turns.every(({ text }) => typeof text === 'string'),
        'a turn has no text',
      );
      for (const text of answered) yield { type: 'text', text };
      const facts = {
        modelName: 'm',
        sampling: settings,
        promptTokens: 1,
        cachedTokens: 0,
        answerTokens: 2,
        timeToFirstTokenMs: 1,
        tokensPerSecond: 1,
        stopReason: 'end',
      };
      yield { type: 'finished', facts: { ...facts, modelId: null, stopReason: 'end' }, calls: [] } as never;
    },
  },
  modelId: 'm',
  adapters: [],
  signal: new AbortController().signal,
  tell: () => undefined,
};

const paths = { chat: chatRequest, completion: completionRequest, embedding: embeddingRequest } as const;

function body(random: Random, path: keyof typeof paths): unknown {
  const made = valueOf(random, paths[path]);
  if (path !== 'chat' || typeof made !== 'object' || !random.chance(0.7)) return made;
  return {
    model: 'm',
    messages: [
      { role: 'system', content: strangeText(random) },
      { role: 'user', content: 'Hello' },
    ],
    ...(random.chance(0.5)
      ? {
          tools: [
            {
              type: 'function',
              function: {
                name: 'f',
                parameters: { type: 'object', properties: { a: { $ref: '#/$defs/x' } }, $defs: { x: { type: 'string' } } },
              },
            },
          ],
          tool_choice: random.pick(['auto', 'required', 'none']),
        }
      : {}),
    ...(random.chance(0.3)
      ? {
          response_format: {
            type: 'json_schema',
            json_schema: { name: 'n', schema: { type: 'object', properties: { a: { enum: ['x', strangeText(random)] } } } },
          },
        }
      : {}),
    ...(random.chance(0.3) ? { stop: [strangeText(random)], n: 2, stream: true } : {}),
  };
}

export const openAi: Target = {
  name: 'openai-requests',
  codes: /^chat\./,
  make: (random) => {
    const path = random.pick(['chat', 'chat', 'completion', 'embedding'] as const);
    return [encode(path), jsonFile(random, body(random, path))];
  },
  run: async ([path, bytes]) => {
    let value: unknown;
    try {
      value = JSON.parse(decode(bytes));
    } catch {
      return 'no JSON';
    }
    const replies: unknown[] = [];
    const reply = {
      json: (sent: unknown) => void replies.push(sent),
      event: async (sent: unknown) => void replies.push(sent),
      end: async () => undefined,
    };
    try {
      if (decode(path) === 'embedding') parse(embeddingRequest, value);
      else if (decode(path) === 'completion') await completion(parse(completionRequest, value), answering, reply as never);
      else await chatCompletion(parse(chatRequest, value), answering, reply as never);
      JSON.stringify(replies);
      return 'answered';
    } catch (error) {
      const refused = toApiError(error);
      if (refused.status >= 500) throw error;
      promise(refused instanceof ApiError && refused.body().error.message.length < 4000, 'a refusal is too long');
      return String(refused.status);
    }
  },
};

const TOKENS = ['data: ', 'data:', '\n\n', '\r', '\n', ':', 'event: x', '[DONE]', '{', '}', '"choices"', 'null', '\uFEFF'];

function answer(random: Random): Uint8Array {
  const chunk = (): unknown => ({
    choices: [
      {
        index: 0,
        delta: random.pick([
          { content: strangeText(random) },
          { content: 'a' },
          { reasoning_content: 'hm' },
          { tool_calls: [{ index: random.below(70), function: { name: 'f', arguments: '{"a":' } }] },
        ]),
        finish_reason: random.pick([null, null, 'stop', 'length']),
      },
    ],
    usage: random.pick([null, { prompt_tokens: 1, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 5 } }]),
  });
  const events = random.many(
    1 + random.below(6),
    () =>
      `data: ${decode(random.chance(0.85) ? encode(JSON.stringify(chunk())) : jsonFile(random, chunk()))}${random.pick(['\n\n', '\n\n', '\r\n\r\n', '\r\r'])}`,
  );
  const bytes = encode(events.join('') + (random.chance(0.7) ? 'data: [DONE]\n\n' : ''));
  return random.chance(0.7) ? bytes : damagedText(random, bytes, TOKENS);
}

const target: RemoteTarget = {
  name: 'Attic',
  base: 'http://127.0.0.1:9/v1',
  host: '127.0.0.1:9',
  dialect: 'openai',
  key: 'sk-secret-of-the-test-0123456789',
};

/** What a remote engine answers with comes in pieces of any length. */
function respondWith(bytes: Uint8Array, type: string, status: number): () => void {
  const original = globalThis.fetch;
  globalThis.fetch = async () => {
    const size = Math.max(1, Math.ceil(bytes.byteLength / 40));
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        for (let at = 0; at < bytes.byteLength; at += size) controller.enqueue(bytes.slice(at, at + size));
        controller.close();
      },
    });
    return new Response(body, { status, headers: { 'content-type': type } });
  };
  return () => {
    globalThis.fetch = original;
  };
}

export const remoteAnswers: Target = {
  name: 'remote-answers',
  codes: /^remote\./,
  make: (random) => [
    answer(random),
    encode(
      random.pick([
        'text/event-stream',
        'text/event-stream',
        'text/event-stream',
        'text/html',
        strangeText(random).replace(/[^\x20-\x7e]/g, ''),
      ]),
    ),
  ],
  run: async ([bytes = new Uint8Array(), type]) => {
    const restore = respondWith(bytes, decode(type), 200);
    const question = {
      model: 'm',
      mode: 'chat' as const,
      systemPrompt: '',
      turns: [{ role: 'user' as const, text: 'Hello' }],
      sampling: sampling.parse({}),
    };
    try {
      let ends = 0;
      for await (const event of streamCompletion(target, question, { signal: new AbortController().signal })) {
        if (event.type !== 'finished') continue;
        ends += 1;
        for (const { arguments: given } of event.calls) promise(typeof JSON.parse(given) === 'object', 'the arguments are no object');
      }
      promise(ends === 1, 'the answer has not one end');
      return 'answered';
    } finally {
      restore();
    }
  },
};

export const remoteModels: Target = {
  name: 'remote-models',
  codes: /^remote\./,
  make: (random) => [
    jsonFile(random, { object: 'list', data: random.many(random.below(5), () => ({ id: strangeText(random) })) }),
    encode(random.pick(['200', '200', '401', '500', '302'])),
  ],
  run: async ([bytes = new Uint8Array(), status]) => {
    const restore = respondWith(bytes, 'application/json', Number(decode(status)));
    try {
      const { models } = await listRemoteModels(target, { signal: new AbortController().signal });
      promise(
        models.every((name) => name.length > 0),
        'a model has no name',
      );
      return 'listed';
    } finally {
      restore();
    }
  },
};

export const remoteAddress: Target = {
  name: 'remote-address',
  codes: /^remote\./,
  make: (random) => {
    const host = random.pick([
      'localhost',
      '127.1',
      '0x7f.1',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '10.0.0.1',
      'example.org',
      '字.cn',
      'a..b',
      strangeText(random),
    ]);
    const address = `${random.pick(['http://', 'https://', 'HTTP:/', 'file://', 'javascript:', ''])}${random.pick(['', '', 'u:p@'])}${host}${random.pick(['', ':80', ':99999', ':'])}${random.pick(['', '/', '/v1/', '/v1/chat/completions', '?q', '#h', '/%2e%2e/', '/../'])}`;
    return [damagedText(random, encode(address), ['@', ':', '/', '\\', '%', '.'])];
  },
  run: ([bytes]) => {
    const { base, reach, isEncrypted } = readAddress(decode(bytes));
    const url = new URL(base);
    promise(url.username === '' && url.password === '' && url.search === '' && url.hash === '', 'an address holds a secret');
    promise((url.protocol === 'https:') === isEncrypted, 'an address is not encrypted and says so');
    promise(
      reach !== 'loopback' || /^(\[::1\]|127\.|localhost|.*\.localhost)/.test(url.hostname),
      'an address elsewhere passes as this computer',
    );
    promise(!base.endsWith('/'), 'an address ends with a stroke');
    return reach;
  },
};
