import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { BenchmarkCell, BenchmarkRun, CellResult } from '#contract/benchmark.ts';
import { errorOf } from '../../expect-error.ts';
import { randomText, writeBigramModel } from '../../native/bigram-model.ts';
import { endOf } from '../support/jobs.ts';
import { all, openTest, temporaryFolder, type OpenOptions } from '../support/open.ts';

const source = writeBigramModel();
const variant = writeBigramModel({}, { outputScale: 0.6 });

/** As little as says something of a model that takes microseconds. */
const tiny = { promptTokens: [16], newTokens: [4], repetitions: [3] };

/** The services with two models whose predictions are known, a text and questions. */
async function withModels(options: OpenOptions = {}) {
  const opened = await openTest(options);
  const folder = temporaryFolder();
  const textPath = join(folder, 'letters.txt');
  const questionsPath = join(folder, 'questions.jsonl');
  await writeFile(textPath, randomText(600, 3));
  await writeFile(
    questionsPath,
    [
      { text: 'abc', answer: 'd' },
      { question: 'ab', choices: ['c', 'hh', 'gg'], answer: 0 },
    ]
      .map((line) => JSON.stringify(line))
      .join('\n'),
  );
  const add = async (path: string): Promise<string> => (await opened.client.library.find({ reference: path })).id;
  const [sourceId, variantId] = [await add(source.path), await add(variant.path)];
  const { benchmark } = opened.client;
  const end = async ({ id, jobId }: BenchmarkRun): Promise<{ run: BenchmarkRun; cells: BenchmarkCell[] }> => {
    if (jobId !== null) await endOf(opened.client, jobId);
    return benchmark.get({ runId: id });
  };
  const local = (modelId: string) => ({ kind: 'local' as const, modelId });
  return { ...opened, folder, textPath, questionsPath, sourceId, variantId, benchmark, end, add, local };
}

const resultOf = <K extends CellResult['kind']>(cell: BenchmarkCell | undefined, kind: K): Extract<CellResult, { kind: K }> => {
  if (cell?.result?.kind !== kind) throw new Error(`no ${kind}: ${JSON.stringify(cell)}`);
  return cell.result as Extract<CellResult, { kind: K }>;
};

test('a run measures speed, quality and questions of every target, and keeps hardware and versions', async () => {
  const { benchmark, end, local, sourceId, variantId, textPath, questionsPath } = await withModels();
  const { run, cells } = await end(
    await benchmark.start({
      targets: [local(sourceId), local(variantId)],
      sweep: tiny,
      quality: { baseId: sourceId, textPath, contextLength: 32 },
      questionsPath,
    }),
  );
  expect(run).toMatchObject({ state: 'done', cells: { total: 6, done: 6, failed: 0 }, error: null, base: { modelId: sourceId } });
  expect(run.targets.map(({ modelId }) => modelId)).toEqual([sourceId, variantId]);
  expect(run.environment?.cores).toBeGreaterThan(0);
  expect(run.environment?.versions).toHaveProperty('llama.cpp');
  expect(cells.map(({ task, target }) => `${target} ${task.kind}`)).toEqual([
    '0 speed',
    '0 quality',
    '0 questions',
    '1 speed',
    '1 quality',
    '1 questions',
  ]);
  const speed = resultOf(cells[0], 'speed');
  expect(speed.promptPerSecond?.samples).toHaveLength(3);
  expect(speed.newPerSecond?.median).toBeGreaterThan(0);
  // What reads 16 tokens in a time has its first token after it.
  expect(speed.firstTokenMs?.samples[0]).toBeCloseTo(16_000 / (speed.promptPerSecond?.samples[0] ?? 0), 6);
  expect(speed.peakMemoryBytes).toBeGreaterThan(0);

  const base = resultOf(cells[1], 'quality');
  expect(base.against).toMatchObject({ meanKl: 0, topOneAgreement: 1 });
  const changed = resultOf(cells[4], 'quality');
  expect(changed.against?.perplexity).toBeCloseTo(base.perplexity, 6);
  expect(changed.against?.meanKl).toBeGreaterThan(0);
  // Scaling all logits leaves their order as it is.
  expect(changed.against?.topOneAgreement).toBe(1);

  const asked = resultOf(cells[2], 'questions');
  const [cloze, choice] = asked.items;
  const letter = (text: string): number => 4 + 'abcdefgh'.indexOf(text);
  expect(cloze?.logLikelihoods[0]).toBeCloseTo(-source.loss(letter('c'), letter('d')), 4);
  const after = (text: string): number =>
    [...text].reduce((sum, each, at) => sum - source.loss(letter(at === 0 ? 'b' : (text[at - 1] ?? '')), letter(each)), 0) / text.length;
  for (const [place, text] of ['c', 'hh', 'gg'].entries()) expect(choice?.logLikelihoods[place]).toBeCloseTo(after(text), 4);
  expect(choice?.isRight).toBe(after('c') >= Math.max(after('hh'), after('gg')));
}, 60_000);

test('a cell that cannot be measured says why, and the rest is measured', async () => {
  const { benchmark, end, add, local, client, sourceId, folder, textPath, questionsPath } = await withModels();
  const brokenPath = join(folder, 'broken.gguf');
  await writeFile(brokenPath, await readFile(variant.path));
  const brokenId = await add(brokenPath);
  await writeFile(brokenPath, (await readFile(variant.path)).subarray(0, 700));
  await writeFile(questionsPath, '{"text": "a", "answer": "b"}\n\n{"text": "a"}\n');
  await writeFile(textPath, 'abc');
  const { run, cells } = await end(
    await benchmark.start({
      targets: [local(brokenId), local(sourceId)],
      sweep: { ...tiny, context: [0, 1_000_000] },
      quality: { textPath, contextLength: 32 },
      questionsPath,
    }),
  );
  expect(run).toMatchObject({ state: 'done', cells: { total: 8, done: 1, failed: 7 } });
  const [, , , , speed, deep, quality, questions] = cells;
  expect(cells.slice(0, 4).every(({ error }) => error !== null)).toBe(true);
  expect(speed?.state).toBe('done');
  expect(deep?.error).toMatchObject({ code: 'evaluate.contextLength', params: { limit: 8192 } });
  expect(quality?.error).toMatchObject({ code: 'evaluate.textTooShort', params: { needed: 32 } });
  expect(questions?.error).toMatchObject({ code: 'benchmark.badLine', params: { line: 3 } });
  const job = (await client.jobs.list({})).find(({ spec }) => spec.kind === 'benchmark');
  expect(job).toMatchObject({ state: 'done', result: { done: 1, failed: 7 } });

  // With what was wrong put right, only what failed is measured again.
  await writeFile(textPath, randomText(600, 3));
  await writeFile(questionsPath, '{"text": "a", "answer": "b"}');
  await rm(brokenPath);
  const again = await end(await benchmark.resume({ runId: run.id }));
  expect(again.run).toMatchObject({ cells: { total: 8, done: 3, failed: 5 } });
  expect(again.cells[4]).toEqual(speed);
}, 60_000);

test('a cancelled run keeps what is finished, and goes on with what is missing', async () => {
  const { benchmark, end, local, sourceId, variantId, engines } = await withModels();
  let calls = 0;
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  engines.instead.benchmark.quality = async function* (_, { signal }) {
    calls += 1;
    begin();
    yield { type: 'progress', phase: 'benchmark.quality', detail: null, amount: 1, total: 4, unit: 'windows' };
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    signal.throwIfAborted();
  };
  const request = { targets: [local(sourceId), local(variantId)], sweep: tiny, quality: { contextLength: 32 } };
  const started = await benchmark.start(request);
  await begun;
  expect(await errorOf(benchmark.remove({ runId: started.id }))).toMatchObject({ code: 'benchmark.isRunning' });
  expect(await errorOf(benchmark.resume({ runId: started.id }))).toMatchObject({ code: 'benchmark.isRunning' });
  await benchmark.cancel({ runId: started.id });
  const { run, cells } = await end(started);
  expect(run).toMatchObject({ state: 'paused', cells: { total: 4, done: 1, failed: 0 } });
  expect(cells.map(({ state }) => state)).toEqual(['done', 'waiting', 'waiting', 'waiting']);

  delete engines.instead.benchmark.quality;
  engines.instead.benchmark.quality = async function* () {
    yield {
      type: 'finished',
      textName: 'letters.txt',
      textSha256: '0'.repeat(64),
      contextLength: 32,
      windows: 1,
      tokens: 15,
      perplexity: 2,
      perplexityError: 0.1,
      against: null,
    };
  };
  const resumed = await end(await benchmark.resume({ runId: run.id }));
  expect(resumed.run).toMatchObject({ state: 'done', cells: { total: 4, done: 4, failed: 0 } });
  expect(resumed.cells[0]).toEqual(cells[0]);
  expect(calls).toBe(1);
}, 60_000);

test('a run goes on after the program was ended', async () => {
  const first = await withModels();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  first.engines.instead.benchmark.speed = async function* (_, { signal }) {
    begin();
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    signal.throwIfAborted();
  };
  const { id: runId } = await first.benchmark.start({ targets: [first.local(first.sourceId)], sweep: tiny });
  await begun;
  await first.close();
  const { client } = await openTest({ home: first.home });
  const { benchmark } = client;
  expect((await benchmark.get({ runId })).run).toMatchObject({ state: 'paused', cells: { total: 1, done: 0 } });
  const { jobId } = await benchmark.resume({ runId });
  await endOf(client, jobId ?? '');
  expect((await benchmark.get({ runId })).run).toMatchObject({ state: 'done', cells: { done: 1 } });
}, 60_000);

test('an engine that crashes costs one cell', async () => {
  const { benchmark, end, local, sourceId, variantId, engines } = await withModels();
  let calls = 0;
  engines.instead.benchmark.speed = async function* (_, { signal }) {
    calls += 1;
    if (calls === 1) setTimeout(() => engines.crash('benchmark'), 10);
    else {
      yield {
        type: 'finished',
        loadMs: 1,
        promptSeconds: [1],
        newSeconds: [2],
        threads: 1,
        peakMemoryBytes: 5,
        peakVramBytes: null,
        joulesPerToken: null,
        backgroundLoad: null,
      };
      return;
    }
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  };
  const { cells } = await end(await benchmark.start({ targets: [local(sourceId), local(variantId)], sweep: tiny }));
  expect(cells[0]).toMatchObject({ state: 'failed', error: { code: 'engine.crashed' } });
  expect(resultOf(cells[1], 'speed')).toMatchObject({
    promptPerSecond: { median: 16 },
    newPerSecond: { median: 2 },
    firstTokenMs: { median: 1000 },
  });
}, 30_000);

test('own prompts are answered by every target, and the answers are kept', async () => {
  const { benchmark, end, local, sourceId, variantId } = await withModels();
  const texts = ['Hello', 'And?'];
  const { cells } = await end(
    await benchmark.start({ targets: [local(sourceId), local(variantId)], speed: false, prompts: { texts, maxTokens: 8 } }),
  );
  expect(cells).toHaveLength(2);
  for (const cell of cells) {
    const { outputs } = resultOf(cell, 'prompts');
    expect(outputs.map(({ prompt }) => prompt)).toEqual(texts);
    expect(outputs.every(({ text }) => text.length > 0)).toBe(true);
  }
}, 30_000);

test('a follower hears of the run, of every cell and of the end', async () => {
  const { benchmark, local, sourceId, variantId } = await withModels();
  const { id: runId } = await benchmark.start({ targets: [local(sourceId), local(variantId)], sweep: tiny });
  const events = await all(benchmark.follow({ runId }));
  const { run, cells } = await benchmark.get({ runId });
  expect(events.filter(({ type }) => type === 'run').at(-1)).toEqual({ type: 'run', run });
  for (const cell of cells)
    expect(events.filter((event) => event.type === 'cell' && event.cell.id === cell.id).at(-1)).toMatchObject({ cell });
  expect((await all(benchmark.follow({ runId }))).length).toBe(3);
}, 30_000);

test('what was measured of a model is its history; without the model it is the run’s alone', async () => {
  const { benchmark, client, end, local, sourceId, variantId } = await withModels();
  const first = await end(await benchmark.start({ targets: [local(sourceId)], sweep: tiny }));
  const second = await end(await benchmark.start({ targets: [local(variantId), local(sourceId)], sweep: tiny, name: 'both' }));
  const history = await benchmark.history({ modelId: sourceId });
  expect(history.map(({ runName, cell }) => [runName, cell])).toEqual([
    ['both', second.cells[1]],
    [first.run.name, first.cells[0]],
  ]);
  expect((await benchmark.runs({ modelId: variantId })).map(({ id }) => id)).toEqual([second.run.id]);
  await client.library.remove({ modelId: variantId, files: 'keep' });
  expect(await benchmark.history({ modelId: variantId })).toEqual([]);
  expect((await benchmark.get({ runId: second.run.id })).cells).toEqual(second.cells);
  await benchmark.remove({ runId: second.run.id });
  expect((await benchmark.runs({})).map(({ id }) => id)).toEqual([first.run.id]);
}, 30_000);

test('a run goes to another computer as a file, without a word of this one’s folders', async () => {
  const { benchmark, end, local, folder, sourceId, textPath } = await withModels();
  const { run, cells } = await end(
    await benchmark.start({
      targets: [local(sourceId)],
      sweep: tiny,
      quality: { baseId: sourceId, textPath: join(folder, 'not there.txt'), contextLength: 32 },
      questionsPath: textPath,
    }),
  );
  expect(cells.map(({ state }) => state)).toEqual(['done', 'failed', 'failed']);
  const { fileName, text } = await benchmark.export({ runId: run.id, format: 'json' });
  expect(fileName).toMatch(/^benchmark .*\.json$/);
  expect(text).not.toContain(folder);
  expect(text).toContain('not there.txt');
  const path = join(folder, fileName);
  await writeFile(path, text);
  const imported = await benchmark.import({ path });
  expect(imported).toMatchObject({ isImported: true, state: 'done', name: run.name, environment: run.environment, request: null });
  expect(imported.targets).toEqual(run.targets.map((target) => ({ ...target, modelId: null })));
  const there = await benchmark.get({ runId: imported.id });
  expect(there.cells.map(({ result }) => result)).toEqual(cells.map(({ result }) => result));
  expect(await errorOf(benchmark.resume({ runId: imported.id }))).toMatchObject({ code: 'benchmark.cannotResume' });
  const { text: markdown } = await benchmark.export({ runId: imported.id, format: 'markdown' });
  expect(markdown).toContain('## Speed');
  expect(markdown).toContain('pp16 tg4');
  expect(markdown).toContain('## Failed');
}, 30_000);

test('files that are no benchmarks are refused', async () => {
  const { benchmark, end, local, folder, sourceId } = await withModels();
  const { run } = await end(await benchmark.start({ targets: [local(sourceId)], sweep: tiny }));
  const { text } = await benchmark.export({ runId: run.id, format: 'json' });
  const path = join(folder, 'file.json');
  const code = async (content: string): Promise<string> => {
    await writeFile(path, content);
    return (await errorOf(benchmark.import({ path }))).code;
  };
  const file = JSON.parse(text) as { version: number; cells: { target: number }[] };
  expect(await code('{')).toBe('benchmark.badFile');
  expect(await code('null')).toBe('benchmark.badFile');
  expect(await code(JSON.stringify({ ...file, version: 2 }))).toBe('benchmark.badFile');
  expect(await code(JSON.stringify({ ...file, cells: file.cells.map((cell) => ({ ...cell, target: 7 })) }))).toBe('benchmark.badFile');
  await rm(path);
  expect((await errorOf(benchmark.import({ path }))).code).toBe('disk.missing');
}, 30_000);

test('what cannot be measured at all is said before there is a run', async () => {
  const { benchmark, local, sourceId } = await withModels();
  const code = async (request: object): Promise<string> =>
    (await errorOf(benchmark.start({ targets: [local(sourceId)], ...request }))).code;
  expect(await code({ speed: false })).toBe('benchmark.nothing');
  expect(
    await code({ sweep: { batch: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], context: Array.from({ length: 64 }, (_, i) => i), threads: [1, 2] } }),
  ).toBe('benchmark.tooManyCells');
  expect(await code({ targets: [local('nothing')] })).toBe('library.unknownModel');
  expect(await benchmark.runs({})).toEqual([]);
  const planned = await benchmark.plan({ targets: [local(sourceId)], sweep: { threads: [1, 2] }, quality: {} });
  expect(planned.cells).toBe(3);
  expect(planned.estimateMs).toBeGreaterThan(0);
});

test('the next run of a model is expected to take as long as the last one', async () => {
  const { benchmark, end, local, sourceId, engines } = await withModels();
  engines.instead.benchmark.speed = async function* () {
    const speed = { promptSeconds: [10], newSeconds: [40], loadMs: 1, threads: 1, peakMemoryBytes: 1 };
    yield { type: 'finished', ...speed, peakVramBytes: null, joulesPerToken: null, backgroundLoad: null };
  };
  const request = { targets: [local(sourceId)], sweep: { promptTokens: [100], newTokens: [80], repetitions: [2] } };
  await end(await benchmark.start(request));
  const { estimateMs } = await benchmark.plan(request);
  // Three times 100 tokens read at 10 a second, twice 80 written at 2 a second; and the start.
  expect(estimateMs).toBeGreaterThan(110_000);
  expect(estimateMs).toBeLessThan(115_000);
}, 30_000);
