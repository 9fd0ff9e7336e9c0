import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getLlama, LlamaLogLevel, type Llama, type Token } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '#core/errors/index.ts';
import { str } from '#core/gguf/values.ts';
import { loadLlama } from '#engine/inference/llama.ts';
import { measureThreads, openContext, openModel } from '#engine/inference/model.ts';
import { createEngineLog } from '#engine/log.ts';
import { createEngines, forkEngine, type EngineClient, type Engines } from '#main/engines/index.ts';
import { realModelPath, realModels, realModelsNote } from '#test/real-models.ts';
import { CHAT_TEMPLATE, writeGeneratedModel } from './generated-model.ts';

const entry = fileURLToPath(new URL('../../src/engine/index.ts', import.meta.url));

type Inference = EngineClient<'inference'>['inference'];
type Events<F extends (...args: never[]) => AsyncIterable<unknown>> = ReturnType<F> extends AsyncIterable<infer E> ? E : never;
type Ready = Extract<Events<Inference['load']>, { type: 'ready' }>;
type Finished = Extract<Events<Inference['generate']>, { type: 'finished' }>;
type Request = Parameters<Inference['generate']>[0];

const greedy = { temperature: 0, maxTokens: 100 };
const user = (text: string) => ({ role: 'user', text }) as const;
const assistant = (text: string) => ({ role: 'assistant', text }) as const;

let folder: string;
let engines: Engines;
const model = (name: string): string => join(folder, `${name}.gguf`);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lathe inference 模型 '));
  await writeGeneratedModel(model('small'));
  await writeGeneratedModel(model('bare'), { chatTemplate: null, byteTokens: [0x0a] });
  engines = createEngines({ spawn: (kind) => forkEngine(kind, { entry }), log: () => undefined });
});
afterAll(async () => {
  await engines.close();
  await rm(folder, { recursive: true });
});

const inference = async (): Promise<Inference> => (await engines.inference()).inference;

async function load(modelPath: string, contextLength: number | null = null): Promise<Ready> {
  for await (const event of (await inference()).load({ modelPath, contextLength, threads: 1 })) if (event.type === 'ready') return event;
  throw new Error('the load ended without being ready');
}

interface Answer {
  readonly text: string;
  readonly textEvents: number;
  readonly prompts: { readonly doneTokens: number; readonly totalTokens: number }[];
  readonly finished: Finished;
}

async function ask(request: Partial<Request> & Pick<Request, 'turns'>): Promise<Answer> {
  let text = '';
  let textEvents = 0;
  const prompts = [];
  for await (const event of (await inference()).generate({ mode: 'text', systemPrompt: '', sampling: greedy, ...request })) {
    if (event.type === 'prompt') prompts.push(event);
    else if (event.type === 'finished') return { text, textEvents, prompts, finished: event };
    else if (event.type === 'text') {
      text += event.text;
      textEvents += 1;
    }
  }
  throw new Error('the answer ended without being finished');
}

async function errorOf(work: Promise<unknown>): Promise<AppError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

describe('loading', () => {
  it('goes through its stages and says what was loaded', async () => {
    const events = [];
    for await (const event of (await inference()).load({ modelPath: model('small'), contextLength: null, threads: null }))
      events.push(event);
    const stages = events.map((event) => (event.type === 'stage' ? event.stage : event.type));
    expect(stages.filter((stage, index) => stage !== stages[index - 1])).toEqual(['starting', 'reading', 'context', 'ready']);
    expect(events.at(-1)).toMatchObject({ type: 'ready', contextLength: 512, hasChatTemplate: true });
    expect((events.at(-1) as Ready).threads).toBeGreaterThanOrEqual(1);
  });

  it('makes the context that was asked for, on the model that is there', async () => {
    await load(model('small'));
    expect(await load(model('small'), 256)).toMatchObject({ contextLength: 256 });
    expect(await load(model('bare'))).toMatchObject({ contextLength: 512, hasChatTemplate: false });
  });

  it('fails with the reader`s errors on files that llama.cpp should not see, and keeps the engine', async () => {
    await load(model('small'));
    const before = engines.processes()[0]?.pid;
    const whole = readFileSync(model('small'));
    await writeFile(model('cut'), whole.subarray(0, whole.byteLength - 1000));
    await writeFile(model('headless'), whole.subarray(0, 1000));
    await writeFile(model('text'), 'this is not a model at all');
    const codes: string[] = [];
    for (const name of ['cut', 'headless', 'text', 'absent']) codes.push((await errorOf(load(model(name)))).code);
    expect(codes).toEqual(['gguf.truncated', 'gguf.headerTruncated', 'gguf.badMagic', 'disk.missing']);
    expect(engines.processes()[0]?.pid).toBe(before);
    await load(model('small'));
  });

  it('names the missing part of a split model', async () => {
    await cp(model('small'), model('split-00001-of-00002'));
    expect(await errorOf(load(model('split-00001-of-00002')))).toMatchObject({
      code: 'disk.missing',
      params: { path: model('split-00002-of-00002') },
    });
  });

  it('passes on why llama.cpp refuses a file that is sound', async () => {
    await writeGeneratedModel(model('alien'), { metadata: new Map([['general.architecture', str('alien')]]) });
    const error = await errorOf(load(model('alien')));
    expect(error.code).toBe('engine.loadFailed');
    expect(error.params['problem']).toMatch(/unknown model architecture: 'alien'/);
    expect(await errorOf(ask({ turns: [user('a')] }))).toMatchObject({ code: 'engine.noModel' });
  });

  it('refuses a vocabulary so small that node-llama-cpp`s own trial of it would end the process', async () => {
    await writeGeneratedModel(model('mute'), { byteTokens: [] });
    const error = await errorOf(load(model('mute')));
    expect(error).toMatchObject({ code: 'engine.loadFailed', params: { problem: expect.stringContaining('U+000A') } });
  });

  it('can be left, and the next one comes after it', async () => {
    const leave = new AbortController();
    const loading = (async () => {
      for await (const _ of (await inference()).load(
        { modelPath: model('small'), contextLength: null, threads: 1 },
        { signal: leave.signal },
      ))
        leave.abort();
    })();
    expect((await errorOf(loading)).code).toBe('request.cancelled');
    expect(await load(model('bare'))).toMatchObject({ hasChatTemplate: false });
    expect((await ask({ turns: [user('the ')] })).text.length).toBeGreaterThan(0);
  });

  it('gives the memory back on unload', async () => {
    await load(model('small'));
    await (await inference()).unload({});
    expect((await errorOf(ask({ turns: [user('a')] }))).code).toBe('engine.noModel');
  });
});

describe('generating', () => {
  beforeAll(() => load(model('small')));

  it('measures what it did', async () => {
    const { finished, prompts } = await ask({ turns: [user('the cat')], sampling: { ...greedy, maxTokens: 20 } });
    // ▁the, ▁, c, a, t and <s> before them.
    expect(finished).toMatchObject({ stopReason: 'maxTokens', facts: { promptTokens: 6, answerTokens: 20, stopReason: 'maxTokens' } });
    expect(finished.facts.timeToFirstTokenMs).toBeGreaterThan(0);
    expect(finished.facts.tokensPerSecond).toBeGreaterThan(1);
    expect(prompts.at(-1)?.totalTokens).toBe(6);
  });

  it('repeats itself with the same seed, and tells the seed that it chose', async () => {
    const sampling = { temperature: 1.5, topK: 0, topP: 1, minP: 0, maxTokens: 40 };
    const first = await ask({ turns: [user('a')], sampling });
    const { seed } = first.finished.facts.sampling;
    expect(seed).toEqual(expect.any(Number));
    const again = await ask({ turns: [user('a')], sampling: { ...sampling, seed } });
    expect(again.text).toBe(first.text);
    expect((await ask({ turns: [user('a')], sampling: { ...sampling, seed: 1 } })).text).not.toBe(first.text);
    const largest = { ...sampling, seed: 0xffff_ffff };
    expect((await ask({ turns: [user('a')], sampling: largest })).text).toBe((await ask({ turns: [user('a')], sampling: largest })).text);
  });

  it('is greedy at temperature 0, whatever the other settings', async () => {
    const plain = await ask({ turns: [user('a')] });
    const other = await ask({ turns: [user('a')], sampling: { ...greedy, topK: 5, topP: 0.5, minP: 0.2, seed: 9 } });
    expect(other.text).toBe(plain.text);
    const penalized = await ask({ turns: [user('a')], sampling: { ...greedy, repeatPenalty: 5, repeatLastN: 64 } });
    expect(penalized.text).not.toBe(plain.text);
  });

  it('reuses what it has computed of a conversation, and answers as without', async () => {
    const first = await ask({ mode: 'chat', turns: [user('the cat in the hat')], sampling: { ...greedy, maxTokens: 10 } });
    const turns = [user('the cat in the hat'), assistant('on a mat'), user('and then?')];
    const reused = await ask({ mode: 'chat', turns });
    expect(reused.finished.facts.cachedTokens).toBeGreaterThanOrEqual(first.finished.facts.promptTokens);
    expect(reused.prompts[0]?.doneTokens).toBe(reused.finished.facts.cachedTokens);
    await load(model('small'));
    const fresh = await ask({ mode: 'chat', turns });
    expect(fresh.finished.facts.cachedTokens).toBe(0);
    expect(fresh.text).toBe(reused.text);
  });

  it('ends with contextFull when the context is full, and is not harmed by it', async () => {
    await load(model('small'), 256);
    for (const text of ['a', 'a '.repeat(120)]) {
      const { finished } = await ask({ turns: [user(text)], sampling: { ...greedy, maxTokens: 100_000 } });
      expect(finished.stopReason).toBe('contextFull');
      expect(finished.facts.promptTokens + finished.facts.answerTokens).toBe(256);
    }
    expect((await ask({ turns: [user('a')] })).text.length).toBeGreaterThan(0);
  });

  it('refuses a prompt that the context cannot hold, with both numbers', async () => {
    await load(model('small'), 256);
    const error = await errorOf(ask({ turns: [user('x'.repeat(400))] }));
    expect(error).toMatchObject({ code: 'chat.promptTooLong', params: { contextLength: 256, promptTokens: 402 } });
    expect((await ask({ turns: [user('a')] })).text.length).toBeGreaterThan(0);
  });

  it('tells how far a long prompt is', async () => {
    await load(model('small'), 2048);
    const { prompts } = await ask({ turns: [user('x'.repeat(1500))], sampling: { ...greedy, maxTokens: 1 } });
    expect(prompts.map(({ doneTokens }) => doneTokens)).toEqual([0, 512, 1024]);
  });

  it('sends text about every 25 ms, not every token', async () => {
    await load(model('small'));
    const startMs = performance.now();
    const { textEvents, finished } = await ask({ turns: [user('the')], sampling: { ...greedy, maxTokens: 400 } });
    expect(finished.facts.answerTokens).toBe(400);
    expect(textEvents).toBeLessThanOrEqual((performance.now() - startMs) / 25 + 2);
  });

  it('ends within one token when its reader leaves, and is free again', async () => {
    for (let round = 0; round < 3; round += 1) {
      let events = 0;
      for await (const event of (await inference()).generate({
        mode: 'text',
        systemPrompt: '',
        turns: [user('a')],
        sampling: { maxTokens: 100_000 },
      }))
        if (event.type === 'text' && (events += 1) === 2) break;
      const startMs = performance.now();
      await ask({ turns: [user('a')], sampling: { ...greedy, maxTokens: 1 } });
      expect(performance.now() - startMs).toBeLessThan(3000);
    }
  });

  it('ends with what was measured when it is asked to stop', async () => {
    await load(model('small'), 4096);
    const client = await inference();
    let finished: Finished | undefined;
    for await (const event of client.generate({
      mode: 'text',
      systemPrompt: '',
      turns: [user('a')],
      sampling: { temperature: 1, seed: 5, maxTokens: 100_000 },
    })) {
      if (event.type === 'text') await client.stop({});
      if (event.type === 'finished') finished = event;
    }
    expect(finished?.stopReason).toBe('stopped');
    expect(finished?.facts.answerTokens).toBeGreaterThan(0);
  });

  it('does one thing at a time', async () => {
    const client = await inference();
    const running = client
      .generate({ mode: 'text', systemPrompt: '', turns: [user('a')], sampling: { maxTokens: 100_000 } })
      [Symbol.asyncIterator]();
    await running.next();
    expect((await errorOf(ask({ turns: [user('b')] }))).code).toBe('engine.busy');
    expect((await errorOf(client.unload({}))).code).toBe('engine.busy');
    await running.return?.();
    expect((await ask({ turns: [user('b')] })).text.length).toBeGreaterThan(0);
  });

  it('applies the chat template of the model', async () => {
    const llama = await getLlama({ gpu: false, build: 'never', progressLogs: false });
    const reference = await llama.loadModel({ modelPath: model('small'), vocabOnly: true });
    const rendered = '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nthe cat<|im_end|>\n<|im_start|>assistant\n';
    expect(CHAT_TEMPLATE).toContain('<|im_start|>');
    const expected = reference.tokenize(rendered, true).length + 1;
    const { finished } = await ask({ mode: 'chat', systemPrompt: 'Be brief.', turns: [user('the cat')] });
    expect(finished.facts.promptTokens).toBe(expected);
    await llama.dispose();
  });

  it('says what it cannot do: no template, a template that fails, characters without a token', async () => {
    await load(model('bare'));
    expect((await errorOf(ask({ mode: 'chat', turns: [user('a')] }))).code).toBe('chat.noTemplate');
    expect(await errorOf(ask({ turns: [user('the café\t')] }))).toMatchObject({
      code: 'tokenizer.unsupportedText',
      params: { character: 'U+0009' },
    });
    await writeGeneratedModel(model('refusing'), { chatTemplate: "{{ raise_exception('not today') }}" });
    await load(model('refusing'));
    expect(await errorOf(ask({ mode: 'chat', turns: [user('a')] }))).toMatchObject({
      code: 'chat.templateFailed',
      params: { problem: 'not today' },
    });
    expect((await ask({ turns: [user('the café\t')] })).text.length).toBeGreaterThan(0);
  });

  it('turns a killed engine into engine.crashed, and goes on with a new one', async () => {
    const running = (await inference())
      .generate({ mode: 'text', systemPrompt: '', turns: [user('a')], sampling: { maxTokens: 100_000 } })
      [Symbol.asyncIterator]();
    await running.next();
    process.kill(engines.processes()[0]?.pid ?? 0, 'SIGKILL');
    const drain = async (): Promise<void> => {
      while ((await running.next()).done !== true);
    };
    expect(await errorOf(drain())).toMatchObject({ code: 'engine.crashed', params: { reason: 'SIGKILL' } });
    expect((await errorOf(ask({ turns: [user('a')] }))).code).toBe('engine.noModel');
    await load(model('small'));
    expect((await ask({ turns: [user('a')] })).text.length).toBeGreaterThan(0);
  });
});

describe('the measured number of threads', () => {
  it('is one of those worth trying, and no context stays behind', async () => {
    const runtime = await loadLlama(createEngineLog());
    const signal = new AbortController().signal;
    const open = await openModel(runtime, model('small'), { signal, progress: () => undefined });
    expect([3, 2, 1]).toContain(await measureThreads(open, signal, 4));
    const { context } = await openContext(open, { contextLength: 256, threads: 1, signal });
    expect(context.sequencesLeft).toBe(0);
    await expect(measureThreads(open, AbortSignal.abort(), 4)).rejects.toMatchObject({ name: 'AbortError' });
    await runtime.llama.dispose();
  });
});

describe('greedy text is what node-llama-cpp makes of the same tokens', () => {
  let llama: Llama;
  beforeAll(async () => {
    llama = await getLlama({ gpu: false, build: 'never', progressLogs: false, maxThreads: 0, logLevel: LlamaLogLevel.error });
  });
  afterAll(() => llama.dispose());

  /** node-llama-cpp's own loop over the plain prompt, nothing of ours. */
  async function direct(modelPath: string, prompt: string, count: number): Promise<string> {
    const reference = await llama.loadModel({ modelPath });
    const context = await reference.createContext({ contextSize: 512, threads: 1 });
    const tokens = reference.tokenize(prompt);
    const start = reference.tokens.shouldPrependBosToken && reference.tokens.bos !== null ? [reference.tokens.bos] : [];
    const made: Token[] = [];
    for await (const token of context.getSequence().evaluate([...start, ...tokens], { temperature: 0 })) {
      made.push(token);
      if (made.length === count) break;
    }
    const text = reference.detokenize(made, false, tokens);
    await reference.dispose();
    return text;
  }

  it('on a generated model', async () => {
    await load(model('small'));
    expect((await ask({ turns: [user('the cat')] })).text).toBe(await direct(model('small'), 'the cat', 100));
  });

  it.skipIf(realModels === null).each([
    ['story656k', 'story656K-f32.gguf', 'Once upon a time, '],
    ['stories260k', 'stories260K-f32.gguf', 'Once upon a time'],
  ])(`on the reference file of %s${realModelsNote}`, async (name, file, prompt) => {
    const path = realModelPath(name, file);
    await load(path);
    const { text, finished } = await ask({ turns: [user(prompt)] });
    expect(finished.facts.answerTokens).toBe(100);
    expect(text).toBe(await direct(path, prompt, 100));
    expect(text).toMatch(/little girl|Lily/);
  });
});
