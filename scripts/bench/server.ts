import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import { MiB } from '#core/bytes.ts';
import { connect } from '#contract/connect.ts';
import { contract, type AppClient } from '#contract/index.ts';
import { memoryPorts } from '#contract/memory-port.ts';
import { openApp } from '#main/app.ts';
import { forkEngine } from '#main/engines/index.ts';
import { nodeHost } from '#main/host.ts';
import { writeGeneratedModel } from '#test/engine/generated-model.ts';
import { median, spread, type BenchRow } from './row.ts';

export const name = 'server';

const entry = fileURLToPath(new URL('../../src/engine/index.ts', import.meta.url));
const MODEL = 'soak';
const STREAMS = 32;
const SOAK_MS = 120_000;
/** Of one answer. Long enough that the server's limit of requests a minute is not reached. */
const TOKENS = 48;
/** The made-up vocabulary has a token for nearly every letter. */
const THREAD_LETTERS = 2000;
const ROUNDS = 5;

type Messages = OpenAI.ChatCompletionMessageParam[];

interface Streamed {
  readonly text: string;
  readonly finish: string | null;
  readonly firstMs: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
}

/** One greedy answer as a stream, by OpenAI's own client. */
async function ask(openai: OpenAI, messages: Messages, tokens: number): Promise<Streamed> {
  const beganMs = performance.now();
  const stream = await openai.chat.completions.create({
    model: MODEL,
    messages,
    temperature: 0,
    max_tokens: tokens,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = '';
  let finish: string | null = null;
  let firstMs = Number.NaN;
  let [promptTokens, cachedTokens] = [0, 0];
  for await (const { choices, usage } of stream) {
    const said = choices[0]?.delta.content ?? '';
    if (said !== '' && Number.isNaN(firstMs)) firstMs = performance.now() - beganMs;
    text += said;
    finish = choices[0]?.finish_reason ?? finish;
    promptTokens = usage?.prompt_tokens ?? promptTokens;
    cachedTokens = usage?.prompt_tokens_details?.cached_tokens ?? cachedTokens;
  }
  return { text, finish, firstMs, promptTokens, cachedTokens };
}

/** First words of a thread's first answer, and of the next one in it, in turns. */
async function firstTokens(openai: OpenAI): Promise<BenchRow[]> {
  const cold: number[] = [];
  const followUp: number[] = [];
  let note = '';
  for (let round = 0; round <= ROUNDS; round += 1) {
    // Another beginning each time: nothing of it has been read before.
    const long = `${String.fromCodePoint(97 + round)} `.repeat(THREAD_LETTERS / 2);
    const begun: Messages = [{ role: 'user', content: long }];
    const first = await ask(openai, begun, 8);
    const next = await ask(openai, [...begun, { role: 'assistant', content: first.text }, { role: 'user', content: 'and then?' }], 8);
    // The first round only warms up.
    if (round === 0) continue;
    cold.push(first.firstMs);
    followUp.push(next.firstMs);
    note = `prompt of ${next.promptTokens} tokens, ${next.cachedTokens} of them reused`;
  }
  const ratios = cold.map((ms, round) => ms / (followUp[round] ?? Number.NaN));
  return [
    {
      name: 'server: first token of a new thread',
      value: median(cold),
      unit: 'ms',
      spread: spread(cold, 0),
      note: 'nothing of it read before',
    },
    { name: 'server: first token of a follow-up in it', value: median(followUp), unit: 'ms', spread: spread(followUp, 0), note },
    { name: 'server: times sooner', value: median(ratios), unit: '×', spread: spread(ratios, 1) },
  ];
}

/** Resident memory of the whole program: this process, which is server and clients, and the engine. */
async function residentBytes(client: AppClient): Promise<number> {
  for await (const memory of client.system.memory({})) return memory.ownBytes;
  throw new Error('the program does not tell its memory');
}

/** Streams that ask again and again, each its own question, whose answer is known: none may be lost, cut or another's. */
async function soak(openai: OpenAI, client: AppClient): Promise<BenchRow[]> {
  const questions = Array.from({ length: STREAMS }, (_, number): Messages => [{ role: 'user', content: `question ${number} of a client` }]);
  const known: string[] = [];
  for (const question of questions) known.push((await ask(openai, question, TOKENS)).text);
  const differing = new Set(known).size;
  if (differing < STREAMS) throw new Error(`only ${differing} of the answers differ: a mix would not be seen`);
  const before = await residentBytes(client);
  const untilMs = performance.now() + SOAK_MS;
  let [done, lost, mixed] = [0, 0, 0];
  const waits: number[] = [];
  await Promise.all(
    questions.map(async (question, number) => {
      while (performance.now() < untilMs) {
        try {
          const { text, finish, firstMs } = await ask(openai, question, TOKENS);
          done += 1;
          waits.push(firstMs);
          if (text !== known[number]) mixed += 1;
          else if (finish !== 'length') lost += 1;
        } catch {
          lost += 1;
        }
      }
    }),
  );
  const after = await residentBytes(client);
  const note = `${STREAMS} streams at a time for ${SOAK_MS / 1000} s, ${TOKENS} tokens each`;
  return [
    { name: 'server: answers streamed', value: done, unit: 'answers', note },
    { name: 'server: lost or cut', value: lost, unit: 'answers', goal: '0' },
    { name: 'server: not the answer to their question', value: mixed, unit: 'answers', goal: '0' },
    { name: 'server: first token, waiting in line', value: median(waits), unit: 'ms', note: 'one answer is made at a time' },
    {
      name: 'server: memory grew by',
      value: (after - before) / MiB,
      unit: 'MiB',
      note: `from ${(before / MiB).toFixed(0)} MiB, clients included`,
    },
  ];
}

/** The server for other programs as they meet it: how soon it answers, and whether it holds under many at once. */
export async function run(): Promise<BenchRow[]> {
  const home = await mkdtemp(join(tmpdir(), 'lathe-bench-'));
  const path = join(home, `${MODEL}.gguf`);
  await writeGeneratedModel(path, { layers: 6, embedding: 512, feedForward: 1536, contextLength: 4096, seed: 3 });
  const app = await openApp({ home, host: nodeHost('cli', {}), spawn: (kind, printed) => forkEngine(kind, { entry, printed }) });
  try {
    const [ours, theirs] = memoryPorts();
    app.answer(theirs);
    const { client } = connect(contract, ours);
    await client.library.find({ reference: path });
    const running = await client.server.start({});
    if (running.state !== 'running') throw new Error('the server did not start');
    const openai = new OpenAI({ baseURL: running.address, apiKey: running.token, maxRetries: 0 });
    return [...(await firstTokens(openai)), ...(await soak(openai, client))];
  } finally {
    await app.close();
    await rm(home, { recursive: true });
  }
}
