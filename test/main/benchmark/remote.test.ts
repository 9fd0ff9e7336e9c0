import { expect, onTestFinished, test } from 'vitest';
import type { BenchmarkRun } from '#contract/benchmark.ts';
import type { AppClient } from '#contract/index.ts';
import { errorOf } from '../../expect-error.ts';
import { realEngines, startApi } from '../openai/fixture.ts';
import { answerWith, beginStream, delta, endpoint, type Script } from '../remote/endpoint.ts';
import { endOf } from '../support/jobs.ts';
import { openTest } from '../support/open.ts';

const few = { promptTokens: [16], newTokens: [4], repetitions: [2] };

const end = async (client: AppClient, { id, jobId }: BenchmarkRun) => {
  if (jobId !== null) await endOf(client, jobId);
  return client.benchmark.get({ runId: id });
};

/** Measure one model behind a little server, for speed alone. */
async function measured(script: Script) {
  const { client } = await openTest();
  const server = await endpoint(script);
  const { id: engineId } = await client.remote.add({ name: 'Attic', address: server.base });
  const targets = [{ kind: 'remote' as const, engineId, model: 'big' }];
  const { cells } = await end(client, await client.benchmark.start({ targets, sweep: few }));
  return { cell: cells[0], asked: server.asked };
}

test('speed comes from what an endpoint counts: a warm-up, then every repetition with a text it has not read before', async () => {
  const { cell, asked } = await measured(answerWith('one ', 'two ', 'three '));
  if (cell?.result?.kind !== 'speed') throw new Error(JSON.stringify(cell));
  const { promptPerSecond, firstTokenMs, peakMemoryBytes, loadMs } = cell.result;
  expect([peakMemoryBytes, loadMs]).toEqual([null, null]);
  expect(firstTokenMs?.samples).toHaveLength(2);
  // The server says that it read 11 tokens.
  for (const [index, rate] of (promptPerSecond?.samples ?? []).entries())
    expect((rate * (firstTokenMs?.samples[index] ?? 0)) / 1000).toBeCloseTo(11, 6);
  expect(promptPerSecond?.samples).toHaveLength(2);
  const bodies = asked.map(({ body }) => body as { messages: { content: string }[]; max_tokens?: number; temperature: number });
  expect(bodies).toHaveLength(3);
  expect(new Set(bodies.map(({ messages }) => messages[0]?.content)).size).toBe(3);
  expect(bodies[0]).toMatchObject({ temperature: 0, model: 'big', stream: true });
  expect(JSON.stringify(bodies[0])).toContain(':4');
});

test('an endpoint that does not count has a time to the first token, and no made-up rates', async () => {
  const { cell } = await measured((response) => {
    beginStream(response);
    response.end(`${delta('one ')}${delta('two', 'stop')}data: [DONE]\n\n`);
  });
  expect(cell?.result).toMatchObject({ kind: 'speed', promptPerSecond: null, newPerSecond: null });
  expect(cell?.result?.kind === 'speed' && (cell.result.firstTokenMs?.median ?? 0) > 0).toBe(true);
});

test.each<[string, Script, string]>([
  ['refuses', (response) => void response.writeHead(500).end('{"error":{"message":"out of memory"}}'), 'remote.refused'],
  ['streams garbage', (response) => (beginStream(response), void response.end('data: <html>\n\n')), 'remote.garbage'],
  ['ends in the middle', (response) => (beginStream(response), void response.end(delta('one '))), 'remote.cutOff'],
])('an endpoint that %s costs its cell, and says why', async (_, script, code) => {
  const { cell } = await measured(script);
  expect([cell?.state, cell?.error?.code]).toEqual(['failed', code]);
});

test('a model on a real server of another Lathe: speed and own prompts, never what a server cannot tell', async () => {
  const api = await startApi(realEngines());
  onTestFinished(api.close);
  const { client } = await openTest();
  const { address, token } = api.running;
  const { id: engineId } = await client.remote.add({ name: 'Other', address, dialect: 'llamacpp', key: token });
  const run = await client.benchmark.start({
    targets: [{ kind: 'remote', engineId, model: 'teller' }],
    // What the server decides itself is measured once.
    sweep: { ...few, threads: [1, 2] },
    quality: {},
    prompts: { texts: ['Tell'], maxTokens: 3 },
  });
  const { cells, run: ended } = await end(client, run);
  expect(ended.targets[0]).toMatchObject({ kind: 'remote', name: 'teller @ Other', modelId: null });
  expect(cells.map(({ task, state }) => [task.kind, state])).toEqual([
    ['speed', 'done'],
    ['prompts', 'done'],
  ]);
  const [speed, prompts] = cells.map(({ result }) => result);
  expect(speed?.kind === 'speed' && (speed.promptPerSecond?.median ?? 0) > 0).toBe(true);
  expect(prompts).toMatchObject({ kind: 'prompts', outputs: [{ prompt: 'Tell', tokens: 3 }] });
  expect(JSON.stringify(ended)).not.toContain(token);
});

test('an endpoint that is not there any more is named before there is a run', async () => {
  const { client } = await openTest();
  const targets = [{ kind: 'remote' as const, engineId: 'gone', model: 'big' }];
  expect((await errorOf(client.benchmark.start({ targets }))).code).toBe('remote.unknownEngine');
  expect(await client.benchmark.runs({})).toEqual([]);
});
