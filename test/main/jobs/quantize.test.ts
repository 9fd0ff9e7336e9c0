import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AppError } from '#core/errors/index.ts';
import { openDatabase } from '#main/db/open.ts';
import { writeGeneratedModel } from '../../engine/generated-model.ts';
import { errorOf } from '../../expect-error.ts';
import { fakeEngines, measure, untilAborted, writeBytes, type FakeEngines } from '../support/fake-engines.ts';
import { endOf, resultOf, runJob, withModel, type SentSpec } from '../support/jobs.ts';
import { eventually, openTest } from '../support/open.ts';

type QuantizeSpec = Extract<SentSpec, { kind: 'quantize' }>;

/** The services with the model `tiny`, and what quantizes it. */
async function withTiny(options: Parameters<typeof withModel>[0] = {}) {
  const opened = await withModel(options);
  const { modelId } = opened;
  const quantize = (outputPath: string, more: Partial<QuantizeSpec> = {}): QuantizeSpec => ({
    kind: 'quantize',
    modelId,
    target: 'Q8_0',
    outputPath,
    ...more,
  });
  return { ...opened, quantize, output: join(opened.folder, 'out.gguf') };
}

const textHash = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Makes the engine write a part as the real one does, with so many finished tensors, and wait for its end. */
function stopHalfWay({ instead }: FakeEngines, finished = 2): void {
  instead.tensor.quantize = async function* ({ outputPath, scratchFolder }, { signal }) {
    await writeBytes(`${outputPath}.partial`, 1000);
    await writeBytes(join(scratchFolder, 'working.gguf'), 1000);
    const lines = ['{"version":1}', ...Array.from({ length: finished }, (_, index) => `{"tensor":"t${index}"}`)];
    await writeFile(`${outputPath}.partial.journal`, lines.map((line) => `${line}\n`).join(''));
    yield { type: 'progress', phase: 'quantize.writing', detail: 't2', amount: 40, total: 100, unit: 'bytes' };
    await untilAborted(signal);
  };
}

const isWriting = (client: Awaited<ReturnType<typeof withTiny>>['client']) =>
  eventually(
    () => client.jobs.list({}),
    ([job]) => job?.phase === 'quantize.writing',
  );

test('a quantization ends as a model with its card, its lineage and its file, all at once', async () => {
  const { client, folder, home, modelId, quantize, output, engines } = await withTiny();
  const imatrixPath = join(folder, 'imatrix.gguf');
  await writeFile(imatrixPath, 'squares');
  const result = resultOf(await runJob(client, quantize(output, { options: { imatrixPath } })), 'quantize');
  expect(result).toMatchObject({ path: output, resumedTensors: 0, cardProblem: null, outliers: [] });
  // The fake tells thirty, from the best to the worst.
  expect(result.worstTensors).toHaveLength(20);
  expect(result.worstTensors[0]).toEqual({ name: 't29', to: 'Q8_0', relativeError: 0.29 });

  const { model, lineage } = await client.library.get({ modelId: result.modelId });
  expect(model).toMatchObject({ kind: 'gguf', name: 'tiny-Q8_0', path: output, origin: 'made', state: { status: 'ready' } });
  const source = await client.library.get({ modelId });
  const sha256 = source.model.hash.status === 'done' ? source.model.hash.sha256 : '';
  expect(lineage).toMatchObject({
    parents: [
      { modelId, name: 'tiny', sha256, role: 'source' },
      { modelId: null, name: 'imatrix.gguf', sha256: textHash('squares'), role: 'calibration' },
    ],
    recipe: { kind: 'quantize', target: 'Q8_0', format: 'gguf', options: { groupSize: 128, imatrixPath } },
    versions: { lathe: '0.0.0' },
  });
  expect(source.lineage.children).toEqual([{ modelId: result.modelId, name: 'tiny-Q8_0' }]);

  expect(result.card).toMatchObject({ modelId: result.modelId, sourceId: modelId, sourceName: 'tiny', measure });
  expect(await client.quantize.cards({ modelId })).toEqual([result.card]);
  expect(await client.quantize.cards({ modelId: result.modelId })).toEqual([result.card]);
  const [, asked] = engines.asked.find(([name]) => name === 'quality') ?? [];
  expect(asked).toMatchObject({ variantPath: output, sourcePath: join(folder, 'tiny'), options: { contextLength: 512, windows: 32 } });
  // Nothing is left of the working folders.
  expect(await readdir(join(home, 'scratch'))).toEqual([]);
  expect((await readdir(folder)).toSorted()).toEqual(['imatrix.gguf', 'out.gguf', 'tiny']);
});

test('a folder is written beside nothing: a new path or an empty folder, and calibrated on the user’s own text', async () => {
  const { client, folder, modelId, quantize } = await withTiny();
  const calibrationPath = join(folder, 'text.txt');
  await writeFile(calibrationPath, 'Once upon a time');
  const outputPath = join(folder, 'out');
  await mkdir(outputPath);
  const spec = quantize(outputPath, { target: 'gptq-4', options: { calibrationPath, groupSize: 32 }, quality: null });
  const result = resultOf(await runJob(client, spec), 'quantize');
  const { model, lineage } = await client.library.get({ modelId: result.modelId });
  expect(model).toMatchObject({ kind: 'hf', name: 'tiny-gptq-4', path: outputPath });
  expect(lineage.parents).toMatchObject([
    { modelId, role: 'source' },
    { modelId: null, name: 'text.txt', sha256: textHash('Once upon a time'), role: 'calibration' },
  ]);
  expect(result).toMatchObject({ card: null, cardProblem: null });
});

test('nothing is started that cannot end well', async () => {
  const { client, folder, quantize, output } = await withTiny();
  const codeOf = async (spec: SentSpec) => (await errorOf(client.jobs.start({ spec }))).code;
  await writeFile(join(folder, 'there.gguf'), 'mine');
  await mkdir(join(folder, 'full'));
  await writeFile(join(folder, 'full', 'mine.txt'), 'mine');
  expect(await codeOf(quantize(join(folder, 'there.gguf')))).toBe('convert.outputExists');
  expect(await codeOf(quantize(join(folder, 'out.bin')))).toBe('jobs.outputName');
  expect(await codeOf(quantize(join(folder, 'nowhere', 'a.gguf')))).toBe('disk.missing');
  expect(await codeOf(quantize('a.gguf'))).toBe('system.relativePath');
  expect(await codeOf(quantize(join(folder, 'full'), { target: 'nf4' }))).toBe('jobs.outputNotEmpty');
  expect(await codeOf(quantize(join(folder, 'there.gguf'), { target: 'nf4' }))).toBe('convert.outputExists');
  expect(await codeOf(quantize(output, { modelId: 'nobody' }))).toBe('library.unknownModel');
  expect(await codeOf(quantize(output, { options: { imatrixPath: join(folder, 'no.gguf') } }))).toBe('disk.missing');
  expect(await codeOf(quantize(output, { options: { calibrationPath: folder } }))).toBe('library.notRegularFile');
  expect(await codeOf(quantize(output, { quality: { textPath: join(folder, 'no.txt') } }))).toBe('disk.missing');
  expect(await codeOf(quantize(output, { options: { groupSize: 48 as 32 } }))).toBe('request.invalid');
  expect(await client.jobs.list({})).toEqual([]);
  expect((await readdir(folder)).toSorted()).toEqual(['full', 'there.gguf', 'tiny']);
});

test('what the plan says is impossible, or larger than the disk, is not begun', async () => {
  const { client, quantize, output, engines } = await withTiny();
  engines.instead.tensor.plan = () => {
    throw new AppError('quantize.noLinearLayers', { target: 'nf4' });
  };
  expect(await errorOf(client.jobs.start({ spec: quantize(output) }))).toMatchObject({ code: 'quantize.noLinearLayers' });
  const plan = {
    target: 'Q8_0',
    format: 'gguf' as const,
    bitsPerWeight: 8,
    memoryBytes: 1,
    calibrationPasses: 0,
    warnings: [],
    tensors: [],
  };
  // Each alone may fit; on one disk both have to.
  engines.instead.tensor.plan = () => ({ ...plan, sizeBytes: 1e15, scratchBytes: 2e15 });
  const { code, params } = await errorOf(client.jobs.start({ spec: quantize(output) }));
  expect([code, params['needBytes']]).toEqual(['disk.tooSmall', 3e15]);
});

test('a measurement that fails costs the card and not the file', async () => {
  const { client, quantize, output, engines } = await withTiny();
  engines.instead.tensor.quality = async function* () {
    throw new AppError('disk.full', { path: 'somewhere' });
  };
  const result = resultOf(await runJob(client, quantize(output)), 'quantize');
  expect(result).toMatchObject({ card: null, cardProblem: { code: 'disk.full' } });
  expect((await client.library.get({ modelId: result.modelId })).model.state.status).toBe('ready');
  expect(await client.quantize.cards({ modelId: result.modelId })).toEqual([]);
});

test('cancelled while it is being measured, the finished file is kept without a card', async () => {
  const { client, quantize, output, engines } = await withTiny();
  engines.instead.tensor.quality = async function* (_, { signal }) {
    yield { type: 'progress', phase: 'quality.scoring', detail: null, amount: 1, total: 4, unit: 'windows' };
    await untilAborted(signal);
  };
  const { id: jobId } = await client.jobs.start({ spec: quantize(output) });
  await eventually(
    () => client.jobs.list({}),
    ([job]) => job?.phase === 'quality.scoring',
  );
  await client.jobs.cancel({ jobId });
  const result = resultOf(await endOf(client, jobId), 'quantize');
  expect(result).toMatchObject({ card: null, cardProblem: { code: 'request.cancelled' } });
  expect((await client.library.list({})).map(({ name }) => name)).toContain('tiny-Q8_0');
});

test('a card that cannot be stored takes nothing of the model with it: neither is there', async () => {
  const { client, home, quantize, output } = await withTiny();
  const database = openDatabase(join(home, 'lathe.db'));
  database.connection.exec(`CREATE TRIGGER refuse BEFORE INSERT ON quality_cards BEGIN SELECT raise(ABORT, 'no'); END`);
  database.close();
  expect(await runJob(client, quantize(output))).toMatchObject({ state: 'failed' });
  expect((await client.library.list({})).map(({ name }) => name)).toEqual(['tiny']);
});

test('an interrupted quantization keeps its finished tensors, and goes on from them', async () => {
  const engines = fakeEngines();
  const first = await withTiny({ engines });
  stopHalfWay(engines);
  const { id: jobId } = await first.client.jobs.start({ spec: first.quantize(first.output) });
  await isWriting(first.client);
  await first.close();
  expect((await readdir(first.folder)).toSorted()).toEqual(['out.gguf.partial', 'out.gguf.partial.journal', 'tiny']);

  const { client } = await openTest({ home: first.home });
  expect(await client.jobs.list({})).toMatchObject([{ id: jobId, state: 'interrupted', resumable: true }]);
  expect(await client.jobs.resume({ jobId })).toMatchObject({ resumable: false });
  expect(await endOf(client, jobId)).toMatchObject({ state: 'done', resumable: false, result: { resumedTensors: 2 } });
  expect((await readdir(first.folder)).toSorted()).toEqual(['out.gguf', 'tiny']);
  expect(await readdir(join(first.home, 'scratch'))).toEqual([]);
});

test('what has no finished tensor is not kept', async () => {
  const engines = fakeEngines();
  const first = await withTiny({ engines });
  stopHalfWay(engines, 0);
  await first.client.jobs.start({ spec: first.quantize(first.output) });
  await isWriting(first.client);
  await first.close();
  expect(await readdir(first.folder)).toEqual(['tiny']);
  const { client } = await openTest({ home: first.home });
  expect(await client.jobs.list({})).toMatchObject([{ state: 'interrupted', resumable: false }]);
});

test('an engine that dies fails the job, which goes on from what was finished', async () => {
  const { client, quantize, output, engines } = await withTiny();
  stopHalfWay(engines);
  const { id: jobId } = await client.jobs.start({ spec: quantize(output) });
  await isWriting(client);
  engines.crash('tensor');
  expect(await endOf(client, jobId)).toMatchObject({ state: 'failed', error: { code: 'engine.crashed' }, resumable: true });
  delete engines.instead.tensor.quantize;
  await client.jobs.resume({ jobId });
  expect(await endOf(client, jobId)).toMatchObject({ state: 'done', result: { resumedTensors: 2 } });
});

test('cancelling gives up what was finished', async () => {
  const { client, folder, home, quantize, output, engines } = await withTiny();
  stopHalfWay(engines);
  const { id: jobId } = await client.jobs.start({ spec: quantize(output) });
  await isWriting(client);
  await client.jobs.cancel({ jobId });
  expect(await endOf(client, jobId)).toMatchObject({ state: 'cancelled', resumable: false });
  expect(await readdir(folder)).toEqual(['tiny']);
  expect(await readdir(join(home, 'scratch'))).toEqual([]);
});

test.each(['one', 'all'])('clearing an interrupted job removes what it kept (%s)', async (which) => {
  const engines = fakeEngines();
  const first = await withTiny({ engines });
  stopHalfWay(engines);
  const { id: jobId } = await first.client.jobs.start({ spec: first.quantize(first.output) });
  await isWriting(first.client);
  await first.close();
  const { client } = await openTest({ home: first.home });
  await client.jobs.clear(which === 'one' ? { jobId } : {});
  expect(await client.jobs.list({})).toEqual([]);
  expect(await readdir(first.folder)).toEqual(['tiny']);
});

test('cancelling a resumed job that still waits gives up what was kept', async () => {
  const { client, folder, modelId, quantize, output, engines } = await withTiny();
  stopHalfWay(engines);
  const { id: jobId } = await client.jobs.start({ spec: quantize(output) });
  await isWriting(client);
  engines.crash('tensor');
  await endOf(client, jobId);
  // Another is at work, so that it has to wait.
  const other = await client.jobs.start({ spec: { kind: 'quantize', modelId, target: 'Q8_0', outputPath: join(folder, 'other.gguf') } });
  expect(await client.jobs.resume({ jobId })).toMatchObject({ state: 'queued' });
  expect(existsSync(`${output}.partial`)).toBe(true);
  await client.jobs.cancel({ jobId });
  await eventually(
    () => existsSync(`${output}.partial`) || existsSync(`${output}.partial.journal`),
    (there) => !there,
  );
  expect((await client.jobs.list({})).find(({ id }) => id === jobId)).toMatchObject({ state: 'cancelled', resumable: false });
  // It writes until it is stopped.
  await eventually(() => existsSync(join(folder, 'other.gguf.partial.journal')), Boolean);
  await client.jobs.cancel({ jobId: other.id });
  await endOf(client, other.id);
});

test('who begins to write a path owns what lies there: clearing an earlier job leaves it alone', async () => {
  const { client, folder, quantize, output, engines } = await withTiny();
  stopHalfWay(engines);
  const { id: earlier } = await client.jobs.start({ spec: quantize(output) });
  await isWriting(client);
  engines.crash('tensor');
  expect(await endOf(client, earlier)).toMatchObject({ resumable: true });
  // The same path in other words.
  const { id: later } = await client.jobs.start({ spec: quantize(join(folder, 'x', '..', 'out.gguf')) });
  await isWriting(client);
  expect((await client.jobs.list({})).find(({ id }) => id === earlier)).toMatchObject({ resumable: false });
  await client.jobs.clear({ jobId: earlier });
  expect(existsSync(`${output}.partial`)).toBe(true);
  await client.jobs.cancel({ jobId: later });
  await endOf(client, later);
});

test('what was finished just before the program ended is taken over and measured; what is another’s is not', async () => {
  const engines = fakeEngines();
  const first = await withTiny({ engines });
  stopHalfWay(engines);
  const { id: jobId } = await first.client.jobs.start({ spec: first.quantize(first.output) });
  await isWriting(first.client);
  await first.close();
  await writeBytes(first.output, 100);
  const second = await openTest({ home: first.home });
  await second.client.jobs.resume({ jobId });
  expect(await endOf(second.client, jobId)).toMatchObject({ state: 'failed', error: { code: 'convert.outputExists' } });
  await second.close();
  await writeGeneratedModel(first.output, { layers: 1 });
  const third = await openTest({ home: first.home });
  await third.client.jobs.resume({ jobId });
  const result = resultOf(await endOf(third.client, jobId), 'quantize');
  expect(result.card?.measure.perplexity).toBe(36.185);
  expect(third.engines.asked.filter(([name]) => name === 'quantize')).toEqual([]);
});

test('a source that leaves the library while it is worked on is remembered by name and hash', async () => {
  const { client, modelId, quantize, output, engines } = await withTiny();
  engines.instead.tensor.quality = async function* () {
    await client.library.remove({ modelId });
    yield { type: 'finished', measure };
  };
  const result = resultOf(await runJob(client, quantize(output)), 'quantize');
  const { lineage } = await client.library.get({ modelId: result.modelId });
  expect(lineage.parents).toMatchObject([{ modelId: null, name: 'tiny', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string }]);
  expect(await client.quantize.cards({ modelId: result.modelId })).toMatchObject([{ sourceId: null, sourceName: 'tiny' }]);
});

test('an importance matrix is written where it was asked for, and is no model', async () => {
  const { client, folder, home, modelId, engines } = await withTiny();
  const textPath = join(folder, 'text.txt');
  await writeFile(textPath, 'Once upon a time');
  await client.system.changeSettings({ threads: 3 });
  const outputPath = join(folder, 'm.dat');
  const spec: SentSpec = { kind: 'calibrate', modelId, textPath, outputPath, contextLength: 64 };
  expect(resultOf(await runJob(client, spec), 'calibrate')).toMatchObject({ path: outputPath, matrices: 7, windows: 3, tokens: 192 });
  expect(engines.asked.find(([name]) => name === 'calibrate')?.[1]).toMatchObject({
    modelPath: join(folder, 'tiny'),
    textPath,
    outputPath,
    contextLength: 64,
    windows: null,
    threads: 3,
    scratchFolder: expect.stringContaining(join(home, 'scratch')) as string,
  });
  expect(await client.library.list({})).toHaveLength(1);
  const codeOf = async (more: Partial<typeof spec>) => (await errorOf(client.jobs.start({ spec: { ...spec, ...more } }))).code;
  expect(await codeOf({})).toBe('convert.outputExists');
  expect(await codeOf({ outputPath: join(folder, 'm.txt') })).toBe('jobs.outputName');
  expect(await codeOf({ outputPath: join(folder, 'm.gguf'), textPath: join(folder, 'no.txt') })).toBe('disk.missing');
});

test('a matrix that was finished just before the program ended is made once more: nobody was told what it holds', async () => {
  const engines = fakeEngines();
  const first = await withTiny({ engines });
  const outputPath = join(first.folder, 'm.gguf');
  let isWritten = false;
  engines.instead.tensor.calibrate = async function* (_, { signal }) {
    await writeBytes(outputPath, 100);
    isWritten = true;
    await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    yield* [];
  };
  const spec: SentSpec = { kind: 'calibrate', modelId: first.modelId, outputPath, contextLength: 64 };
  const { id: jobId } = await first.client.jobs.start({ spec });
  await eventually(() => isWritten, Boolean);
  await first.close();
  // A clock tick may lie between a file's time and the program's: on a slow machine the file seemed older than the run.
  const { mtimeMs } = await stat(outputPath);
  await utimes(outputPath, new Date(), new Date(mtimeMs - 500));
  const second = await openTest({ home: first.home });
  await second.client.jobs.resume({ jobId });
  expect(resultOf(await endOf(second.client, jobId), 'calibrate')).toMatchObject({ path: outputPath, matrices: 7 });
});

test('a model can be measured again, on another text, and keeps both cards', async () => {
  const { client, folder, modelId, quantize, output } = await withTiny();
  const { modelId: madeId } = resultOf(await runJob(client, quantize(output)), 'quantize');
  const textPath = join(folder, 'text.txt');
  const measureAgain: SentSpec = { kind: 'quality', modelId: madeId, sourceId: modelId, options: { textPath, windows: null } };
  expect(await errorOf(client.jobs.start({ spec: measureAgain }))).toMatchObject({ code: 'disk.missing' });
  await writeFile(textPath, 'Once upon a time');
  const { card } = resultOf(await runJob(client, measureAgain), 'quality');
  expect(card).toMatchObject({ modelId: madeId, sourceId: modelId });
  const cards = await client.quantize.cards({ modelId });
  expect(cards).toHaveLength(2);
  expect(cards[0]).toEqual(card);
});

test('what is made takes the place of an entry whose file is gone, or that was added while it was measured', async () => {
  const { client, modelId, quantize, output, engines } = await withTiny();
  const first = resultOf(await runJob(client, quantize(output)), 'quantize');
  await rm(output);
  engines.instead.tensor.quality = async function* () {
    await client.library.find({ reference: output });
    yield { type: 'finished', measure };
  };
  // This ended in an error of the database, with the file written.
  const second = resultOf(await runJob(client, quantize(output)), 'quantize');
  const ids = (await client.library.list({})).map(({ id }) => id);
  expect(ids.toSorted()).toEqual([modelId, second.modelId].toSorted());
  expect(ids).not.toContain(first.modelId);
});

test('an adapter is no model to quantize, calibrate or measure', async () => {
  const { modelId, quantize, output, home, close } = await withTiny();
  await close();
  const database = openDatabase(join(home, 'lathe.db'));
  database.connection.prepare(`UPDATE models SET kind = 'peft-adapter' WHERE id = ?`).run(modelId);
  database.close();
  const again = await openTest({ home });
  const specs: SentSpec[] = [
    quantize(output),
    { kind: 'calibrate', modelId, outputPath: output },
    { kind: 'quality', modelId, sourceId: modelId },
  ];
  for (const spec of specs) expect(await errorOf(again.client.jobs.start({ spec }))).toMatchObject({ code: 'jobs.needsModel' });
});

test('both models of a measurement keep their files while it runs', async () => {
  const { client, folder, modelId, engines } = await withTiny();
  await writeGeneratedModel(join(folder, 'm.gguf'));
  const { id: variantId } = await client.library.find({ reference: join(folder, 'm.gguf') });
  engines.instead.tensor.quality = async function* (_, { signal }) {
    await untilAborted(signal);
  };
  const { id: jobId } = await client.jobs.start({ spec: { kind: 'quality', modelId: variantId, sourceId: modelId } });
  for (const id of [variantId, modelId])
    expect(await errorOf(client.library.remove({ modelId: id, files: 'delete' }))).toMatchObject({ code: 'library.inUse' });
  await client.jobs.cancel({ jobId });
  expect(await endOf(client, jobId)).toMatchObject({ state: 'cancelled' });
});
